"""Method .18: what the file at `/.well-known/pki-validation/` proves (HT1–HT15)."""

from collections.abc import Sequence
from datetime import datetime

from services.validation.rules.adn import Adn
from services.validation.rules.answers import failure
from services.validation.rules.hops import BODY_CAP, Fault, Hop
from services.validation.rules.matching import Match, best
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.text import quoted
from services.validation.rules.tokens import Token

BOM = "\xef\xbb\xbf"  # of UTF-8, as Latin-1 shows it
TRANSPORT = {
    Fault.CONNECT: "no connection to {host} port {port} came about",
    Fault.TLS: "TLS with {host} failed",
    Fault.TIMEOUT: "{host} did not answer in time",
    Fault.BROKEN: "{host} does not answer by the rules of HTTP/1.1",
    Fault.HTTP2: "{host} answered in HTTP/2; serve HTTP/1.1",
    Fault.HEADERS: "the header of the answer of {host} is longer than 16 KiB",
}


def judge(adn: Adn, hops: Sequence[Hop], tokens: Sequence[Token], now: datetime) -> Verdict:
    """The last request decides; what went before led there."""
    last = hops[-1]
    return (
        _no_answer(hops)
        or _wrong_status(last)
        or _wrong_form(last)
        or _judge_content(adn, hops, tokens, now)
        or _said(Outcome.MISMATCH, last, _other_content(last), "other_content")
    )


def _no_answer(hops: Sequence[Hop]) -> Verdict | None:
    last = hops[-1]
    if last.fault is Fault.NO_ADDRESS:
        return failure(last.answers) or _absent(last)
    if last.fault is Fault.BLOCKED:
        return _said(Outcome.BLOCKED, last, f"{quoted(last.url)} leads nowhere we go: {last.detail}.")
    if last.fault in TRANSPORT:
        why = TRANSPORT[last.fault].format(host=last.host, port=last.port)
        detail = f" ({last.detail})" if last.detail else ""
        return _said(Outcome.CONN, last, f"{quoted(last.url)} could not be fetched: {why}{detail}.")
    if last.fault:
        return _said(Outcome.REDIR, last, f"The redirect of {quoted(last.url)} is not followed: {last.detail}.")
    return None


def _absent(last: Hop) -> Verdict:
    said = f"The name {last.host} has no address (A or AAAA record), so no file can be fetched from it."
    return _said(Outcome.NOTFOUND, last, said)


def _said(outcome: Outcome, last: Hop, sentence: str, reason: str = "") -> Verdict:
    return Verdict(outcome, reason or str(last.fault), sentence, last.url)


def _wrong_status(last: Hop) -> Verdict | None:
    """Exactly 200 (HT3); 404 and 410 say that nothing is there, anything else that it is not the proof (HT15)."""
    if last.status == 200:
        return None
    if last.status in (404, 410):
        said = f"There is no file at {quoted(last.url)} yet (HTTP status {last.status}). Put one there with the value."
        return _said(Outcome.NOTFOUND, last, said, f"http_{last.status}")
    said = f"{quoted(last.url)} was answered with HTTP status {last.status}; a proof needs 200."
    return _said(Outcome.MISMATCH, last, said, f"http_{last.status}")


def _wrong_form(last: Hop) -> Verdict | None:
    if last.encoding.strip().lower() not in ("", "identity"):
        said = f"{quoted(last.url)} came with Content-Encoding {quoted(last.encoding)}; serve the file as it is."
        return _said(Outcome.MISMATCH, last, said, "content_encoding")
    if len(last.body) > BODY_CAP:
        said = f"The file at {quoted(last.url)} is larger than {BODY_CAP} bytes; it is to hold the value and no more."
        return _said(Outcome.MISMATCH, last, said, "body_too_large")
    return None


def _judge_content(adn: Adn, hops: Sequence[Hop], tokens: Sequence[Token], now: datetime) -> Verdict | None:
    """The whole content, after a leading BOM and trailing whitespace are removed, never a part of it (HT4)."""
    last = hops[-1]
    found = [token for token in tokens if token.value == last.body.removeprefix(BOM).rstrip(" \t\r\n\f\v")]
    if any(token.value.lower() in hop.url.lower() for token in found for hop in hops):
        said = f"The URL {quoted(last.url)} that a redirect led to holds the value: a proof must not echo the request."
        return _said(Outcome.MISMATCH, last, said, "token_in_request")
    what = f"The file at {quoted(last.url)}"
    return best([Match(what, last.url, adn, token) for token in found], "file", now)


def _other_content(last: Hop) -> str:
    return f"The file at {quoted(last.url)} holds {quoted(last.body)}, not the value asked for."
