"""Method .18 against real servers on loopback: HT1–HT16 and examples 25–36 of the rules."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import dns.rcode
import pytest
import pytest_asyncio

from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.http import HttpClient
from services.validation.clients.suffixes import shipped_suffixes
from services.validation.rules.adn import Adn
from services.validation.rules.guard import Guard
from services.validation.rules.hops import Hop
from services.validation.rules.http_file import judge
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.tokens import Token
from tests.validation.dns_server import NXDOMAIN, SILENCE, DnsServer, Script
from tests.validation.http_server import FILE, Answer, HttpServer, a_tls_context, answer, redirect
from tests.validation.makers import NOW

NAME = "www.acme.example"
T = "abcdefghijklmnopqrstuvwxyz234567"
OK = answer(200, T.encode())


@dataclass
class Net:
    """A name server, a web server on http and one on https, all on loopback; `other` is where nobody may go."""

    dns: DnsServer
    web: HttpServer
    tls: HttpServer
    other: HttpServer

    @property
    def guard(self) -> Guard:
        opened = (ip_network("127.0.0.1/32"), ip_network("::1/128"))
        return Guard(self.web.port, self.tls.port, opened=opened)

    def client(self, **given: Any) -> HttpClient:
        dns = DnsClient([Resolver(*self.dns.address)], 0.15)
        suffixes = shipped_suffixes(("example", "test"))
        return HttpClient(dns, suffixes, given.pop("guard", self.guard), **given)

    async def fetch(self, **given: Any) -> tuple[Hop, ...]:
        client = self.client(**given)
        try:
            return await client.fetch(NAME, "fileauth.txt")
        finally:
            await client.close()

    async def check(self, web: Answer | None = None, **given: Any) -> tuple[Verdict, tuple[Hop, ...]]:
        if web is not None:
            self.web.says(web)
        hops = await self.fetch(**given)
        return judge(Adn(NAME), hops, [Token("t", T, NOW)], NOW), hops

    async def outcome(self, web: Answer | None = None, **given: Any) -> tuple[Outcome, str]:
        verdict, _ = await self.check(web, **given)
        return verdict.outcome, verdict.reason


def addresses(name: str, *values: str) -> dict[str, Script | Sequence[Script]]:
    kinds = {value: "AAAA" if ":" in value else "A" for value in values}
    return {name: Script(tuple(f"{name}. 60 IN {kind} {value}" for value, kind in kinds.items()))}


@pytest_asyncio.fixture
async def net() -> AsyncIterator[Net]:
    async with AsyncExitStack() as stack:
        dns = await stack.enter_async_context(DnsServer(scripts={**addresses(NAME, "127.0.0.1")}))
        web = await stack.enter_async_context(HttpServer())
        tls = await stack.enter_async_context(HttpServer(tls=a_tls_context()))
        other = await stack.enter_async_context(HttpServer(address="127.0.0.2", port=web.port))
        other.says(OK)
        yield Net(dns, web, tls, other)


@pytest.mark.parametrize("body", [T, T + "\n\r \t", "\ufeff" + T, "\ufeff" + T + "\r\n"])
async def test_example_25_the_token_and_nothing_else(net: Net, body: str) -> None:
    verdict, (hop,) = await net.check(answer(200, body.encode()))

    assert (verdict.outcome, verdict.reason, verdict.adn, verdict.token_id) == (Outcome.PASS, "file", NAME, "t")
    assert verdict.place == f"http://{NAME}{FILE}"
    assert hop.as_evidence() == {
        "type": "HTTP", "url": f"http://{NAME}{FILE}", "host": NAME, "port": net.web.port,
        "queries": [answer.as_evidence() for answer in hop.answers], "addresses": ["127.0.0.1"],
        "addresses_refused": [], "tries": [{"address": "127.0.0.1", "error": ""}], "status": 200, "redirect": [],
        "content_encoding": "", "body": hop.as_evidence()["body"], "body_bytes": len(body.encode()), "fault": None,
        "detail": "",
    }  # fmt: skip
    assert [(answer.kind, answer.name) for answer in hop.answers] == [("AAAA", NAME), ("A", NAME)]


@pytest.mark.parametrize(
    "body", [f" {T}", f"x{T}", f"{T}x", f"<p>{T}</p>", T.upper(), f"{T}\x00", "", f"{T} {T}", f"\ufeff\ufeff{T}"]
)
async def test_ht4_the_token_among_other_text_proves_nothing(net: Net, body: str) -> None:
    assert await net.outcome(answer(200, body.encode())) == (Outcome.MISMATCH, "other_content")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(404, Outcome.NOTFOUND), (410, Outcome.NOTFOUND), (500, Outcome.MISMATCH), (403, Outcome.MISMATCH),
     (203, Outcome.MISMATCH), (206, Outcome.MISMATCH), (201, Outcome.MISMATCH), (304, Outcome.MISMATCH)],
)  # fmt: skip
async def test_examples_26_and_27_any_other_status_than_200(net: Net, status: int, outcome: Outcome) -> None:
    verdict, _ = await net.check(answer(status, b"" if status == 304 else T.encode()))

    assert (verdict.outcome, verdict.reason) == (outcome, f"http_{status}")
    assert str(status) in verdict.message


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("host", ["", f"http://{NAME}", f"http://{NAME.upper()}.", f"//{NAME}"])
async def test_example_28_redirects_keep_their_query(net: Net, status: int, host: str) -> None:
    path = "/elsewhere?params=are&important=to&not=lose"
    net.web.says(OK, path)
    verdict, hops = await net.check(redirect(status, f"{host}{path}#gone"))

    assert verdict.outcome is Outcome.PASS
    assert [request.path for request in net.web.asked] == [FILE, path]
    assert verdict.place == hops[-1].url == f"http://{NAME}{path}"
    assert hops[0].locations == (f"{host}{path}#gone",)


@pytest.mark.parametrize("status", [303, 300, 305])
async def test_example_29_another_redirect_is_refused_and_its_target_not_asked(net: Net, status: int) -> None:
    net.web.says(OK, "/target")

    assert await net.outcome(redirect(status, "/target")) == (Outcome.REDIR, "redirect_status")
    assert [request.path for request in net.web.asked] == [FILE]


@pytest.mark.parametrize("expired", [False, True])
async def test_example_30_https_with_any_certificate_and_the_name_in_sni(net: Net, expired: bool) -> None:
    async with HttpServer(tls=a_tls_context(expired)) as tls:
        net.tls = tls
        tls.says(OK, "/secure")
        net.web.says(redirect(302, f"https://{NAME}/secure"))

        assert await net.outcome() == (Outcome.PASS, "file")
        assert (tls.names, tls.asked[0].host) == ([NAME], NAME)


async def test_ht9_tls_1_1_is_too_old(net: Net) -> None:
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context = a_tls_context(most=ssl.TLSVersion.TLSv1_1)
    async with HttpServer(tls=context) as tls:
        net.tls = tls
        assert await net.outcome(redirect(302, f"https://{NAME}/secure")) == (Outcome.CONN, "tls")


@pytest.mark.parametrize("port", [8080, 1337, 22, 25, 0, 65535])
async def test_example_31_other_ports_are_refused(net: Net, port: int) -> None:
    assert await net.outcome(redirect(302, f"http://{NAME}:{port}/")) == (Outcome.REDIR, "port")


async def test_example_31_and_not_connected_to(net: Net) -> None:
    async with HttpServer() as there:
        assert await net.outcome(redirect(302, f"http://{NAME}:{there.port}/")) == (Outcome.REDIR, "port")
        assert there.connections == 0


@pytest.mark.parametrize("location", [FILE, f"http://{NAME}{FILE}", f"//{NAME.upper()}{FILE}#again", "fileauth.txt"])
async def test_example_32_a_redirect_to_itself_is_a_loop(net: Net, location: str) -> None:
    assert await net.outcome(redirect(302, location)) == (Outcome.REDIR, "redirect_loop")
    assert len(net.web.asked) == 1


async def test_a_circle_of_three_is_a_loop(net: Net) -> None:
    net.web.says(redirect(302, "/two"), "/one")
    net.web.says(redirect(302, FILE), "/two")

    assert await net.outcome(redirect(302, "/one")) == (Outcome.REDIR, "redirect_loop")


@pytest.mark.parametrize("body", ['<meta http-equiv="refresh" content="0; url=/t">', "<script>location='/t'</script>"])
async def test_example_33_redirects_of_the_page_are_content(net: Net, body: str) -> None:
    net.web.says(OK, "/t")

    assert await net.outcome(answer(200, body.encode(), "Refresh: 0; url=/t")) == (Outcome.MISMATCH, "other_content")
    assert len(net.web.asked) == 1


async def test_example_34_the_last_status_and_url_are_told(net: Net) -> None:
    net.web.says(answer(500), "/broken")
    verdict, _ = await net.check(redirect(302, "/broken"))

    assert (verdict.outcome, verdict.reason, verdict.place) == (Outcome.MISMATCH, "http_500", f"http://{NAME}/broken")


async def test_example_35_ipv4_where_ipv6_gives_no_connection(net: Net) -> None:
    net.dns.scripts = addresses(NAME, "127.0.0.1", "::1")
    verdict, (hop,) = await net.check(OK)

    assert verdict.outcome is Outcome.PASS
    assert [one.address for one in hop.tries] == ["::1", "127.0.0.1"]
    assert hop.tries[0].error
    assert hop.tries[1].error == ""


async def test_ht10_no_second_try_after_a_connection_or_a_redirect(net: Net) -> None:
    async with HttpServer(address="::1", port=net.web.port) as six:
        net.dns.scripts = addresses(NAME, "127.0.0.1", "::1") | addresses("b.example", "127.0.0.1", "::1")
        net.web.says(OK)
        six.says(b"nonsense\r\n\r\n")
        assert await net.outcome() == (Outcome.CONN, "broken_http")
        six.says(redirect(302, f"https://b.example{FILE}"))
        assert await net.outcome() == (Outcome.CONN, "connect")

    assert (net.web.connections, net.tls.connections) == (0, 0)


async def test_ht10_at_most_one_address_of_a_family_is_tried(net: Net) -> None:
    net.dns.scripts = addresses(NAME, "127.0.0.1", "127.0.0.3", "::1")
    guard = Guard(net.tls.port + 1 if net.tls.port < 65535 else 1, net.tls.port, opened=net.guard.opened)
    verdict, (hop,) = await net.check(guard=guard)

    assert (verdict.outcome, len(hop.tries)) == (Outcome.CONN, 2)


async def test_example_36_ipv6_alone(net: Net) -> None:
    net.dns.scripts = addresses(NAME, "::1")
    async with HttpServer(address="::1", port=net.web.port) as six:
        six.says(OK)
        verdict, (hop,) = await net.check()

    assert verdict.outcome is Outcome.PASS
    assert (hop.addresses, six.asked[0].host) == (("::1",), NAME)


async def test_ht6_no_location_or_two(net: Net) -> None:
    assert await net.outcome(redirect(302)) == (Outcome.REDIR, "no_location")
    assert await net.outcome(redirect(302, "/a", "/a")) == (Outcome.REDIR, "two_locations")


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("ftp://www.acme.example/", "scheme"), ("file:///etc/passwd", "scheme"), ("javascript:alert(1)", "scheme"),
        ("http://user@www.acme.example/", "location"), ("http://a:b@www.acme.example/", "location"),
        ("http://[fe80::1%25eth0]/", "host"), ("http://[::1%251]/", "host"), ("http://[nonsense]/", "location"),
        ("http://localhost/", "host"), ("http://acme.local/", "host"), ("http://acme/", "host"),
        ("http://www.acme.example.well-known/pki-validation/fileauth.txt", "host"), ("http:///path", "host"),
        ("http://2130706433/", "host"), ("http://0x7f.0.0.1/", "host"), ("http://0177.0.0.1/", "host"),
        ("http://127.1/", "host"), ("http://127.0.0.1.:80/", "port"), ("http://1.2.3.4.5/", "host"),
        ("http://a..example/", "host"), ("http://-a.example/", "host"), ("http://a b.example/", "location"),
        ("http://１２７.0.0.1/", "location"), ("http://%31%32%37.0.0.1/", "host"),
        ("http:\\\\www.acme.example", "location"),
        ("http://www.acme.example:99999/", "location"), ("http://www.acme.example:x/", "location"), ("", "location"),
        ("/" + "a" * 2000, "location"), ("http://[::ffff:127.0.0.1]/", "blocked_address"),
        ("http://[::127.0.0.1]/", "blocked_address"), ("http://[::7f00:2]/", "blocked_address"),
        ("http://127.0.0.2/", "blocked_address"), ("http://10.0.0.1/", "blocked_address"),
        ("http://169.254.169.254/latest/meta-data/", "blocked_address"), ("http://[fd00::1]/", "blocked_address"),
        ("http://[64:ff9b::7f00:1]/", "blocked_address"), ("http://[2002:7f00:1::]/", "blocked_address"),
        ("http://0.0.0.0/", "blocked_address"), ("http://[::]/", "blocked_address"),
    ],
)  # fmt: skip
async def test_ht7_and_ht8_a_bad_target_is_refused_before_anything_is_connected_to(
    net: Net, location: str, reason: str
) -> None:
    verdict, hops = await net.check(redirect(302, location.encode().decode("latin-1")))

    outcome = Outcome.BLOCKED if reason == "blocked_address" else Outcome.REDIR
    assert (verdict.outcome, verdict.reason) == (outcome, reason)
    assert (len(hops), len(net.web.asked), net.other.connections, net.tls.connections) == (1, 1, 0, 0)
    if ".well-known" in location:
        assert "slash missing" in verdict.message


async def test_ht7_ten_redirects_are_followed_and_no_more(net: Net) -> None:
    for n in range(12):
        net.web.says(redirect(302, f"/{n + 1}"), f"/{n}")
    net.web.says(OK, "/9")
    assert await net.outcome(redirect(302, "/0")) == (Outcome.PASS, "file")

    net.web.says(redirect(302, "/10"), "/9")
    net.web.asked.clear()
    assert await net.outcome() == (Outcome.REDIR, "too_many_redirects")
    assert len(net.web.asked) == 11


async def test_a_redirect_to_a_public_address_literal_is_followed(net: Net) -> None:
    net.web.says(OK, "/there")
    net.web.says(redirect(302, "/other"), f"{NAME} /")

    assert await net.outcome(redirect(302, "http://127.0.0.1/there")) == (Outcome.PASS, "file")
    assert net.web.asked[-1].host == "127.0.0.1"


async def test_sg3_a_name_with_forbidden_addresses_only_is_blocked(net: Net) -> None:
    net.dns.scripts = addresses(NAME, "127.0.0.2", "10.0.0.1", "::ffff:127.0.0.1")
    verdict, (hop,) = await net.check()

    assert (verdict.outcome, net.other.connections) == (Outcome.BLOCKED, 0)
    assert len(hop.refused) == 3
    assert hop.tries == ()


async def test_sg3_a_usable_address_beside_forbidden_ones_is_used(net: Net) -> None:
    net.dns.scripts = addresses(NAME, "127.0.0.2", "127.0.0.1")
    verdict, (hop,) = await net.check(OK)

    assert (verdict.outcome, hop.refused, net.other.connections) == (Outcome.PASS, ("127.0.0.2",), 0)


async def test_sg3_a_name_that_is_rebound_between_requests_gets_no_connection(net: Net) -> None:
    """The address is asked for once a hop and pinned; a redirect to the same name asks again, and is judged again."""
    good, bad = (Script((f"{NAME}. 60 IN A {address}",)) for address in ("127.0.0.1", "127.0.0.2"))
    net.dns.scripts[NAME] = [good, good, bad]
    net.web.says(redirect(302, "/again"))

    assert await net.outcome() == (Outcome.BLOCKED, "blocked_address")
    assert (net.web.connections, net.other.connections) == (1, 0)
    assert len(net.dns.asked) == 4


async def test_sg3_the_last_check_is_at_the_socket(net: Net) -> None:
    """A client whose first check is fooled: what the resolver said is let pass, what is connected to is not."""

    class Fooled(Guard):
        def is_open(self, text: str) -> bool:
            return True

    net.dns.scripts = addresses(NAME, "127.0.0.2")
    guard = Fooled(net.web.port, net.tls.port, opened=net.guard.opened)
    verdict, (hop,) = await net.check(guard=guard)

    assert (verdict.outcome, hop.tries[0].address, net.other.connections) == (Outcome.BLOCKED, "127.0.0.2", 0)


async def test_sg6_without_test_mode_loopback_is_never_connected_to(net: Net) -> None:
    assert await net.outcome(guard=Guard(net.web.port, net.tls.port)) == (Outcome.BLOCKED, "blocked_address")
    assert net.web.connections == 0


@pytest.mark.parametrize(
    ("script", "outcome", "reason"),
    [
        (NXDOMAIN, Outcome.NOTFOUND, "no_address"),
        (Script(), Outcome.NOTFOUND, "no_address"),
        (Script(rcode=dns.rcode.SERVFAIL), Outcome.DNSERR, "servfail"),
        (Script(rcode=dns.rcode.SERVFAIL, errors=((7, ""),)), Outcome.BOGUS, "servfail_dnssec"),
        (SILENCE, Outcome.DNSERR, "timeout"),
    ],
)
async def test_a_name_without_address_and_one_without_answer_are_told_apart(
    net: Net, script: Script, outcome: Outcome, reason: str
) -> None:
    net.dns.scripts[NAME] = script

    assert await net.outcome() == (outcome, reason)


@pytest.mark.parametrize(
    ("rcode", "errors", "outcome"),
    [(dns.rcode.SERVFAIL, (), Outcome.PASS), (dns.rcode.SERVFAIL, ((6, ""),), Outcome.BOGUS)],
)
async def test_ht11_one_family_may_fail_but_not_its_signatures(
    net: Net, rcode: dns.rcode.Rcode, errors: tuple[tuple[int, str], ...], outcome: Outcome
) -> None:
    net.dns.by_kind[NAME, "AAAA"] = Script(rcode=rcode, errors=errors)
    net.dns.by_kind[NAME, "A"] = Script((f"{NAME}. 60 IN A 127.0.0.1",))

    assert (await net.outcome(OK))[0] is outcome


async def test_ht12_the_body_is_read_to_its_end_and_to_the_cap(net: Net) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = [f"1\r\n{letter}\r\n".encode() for letter in T]
    assert await net.outcome([head, *(part for c in chunks for part in (c, 0.001)), b"0\r\n\r\n"]) == (
        Outcome.PASS, "file",
    )  # fmt: skip
    assert await net.outcome(answer(200, T.encode() + b" " * 992)) == (Outcome.PASS, "file")
    verdict, (hop,) = await net.check(answer(200, T.encode() + b" " * 993))
    assert (verdict.reason, len(hop.body)) == ("body_too_large", 1025)
    assert await net.outcome([answer(200, b"", "X: y").replace(b"Content-Length: 0", b"Content-Length: 9999999"),
                              *[b"x" * 65536] * 8]) == (Outcome.MISMATCH, "body_too_large")  # fmt: skip


async def test_ht12_a_body_that_ends_early_is_no_answer(net: Net) -> None:
    assert await net.outcome(answer(200, T.encode()).replace(b"32", b"99")) == (Outcome.CONN, "broken_http")


@pytest.mark.parametrize(
    "headers",
    [("X: " + "a" * 17000,), tuple(f"X-{n}: {'a' * 200}" for n in range(100)), tuple(f"X{n}: a" for n in range(300)),
     ("X" * 17000 + ": a",)],
)  # fmt: skip
async def test_ht12_a_header_beyond_16_kib_is_no_answer(net: Net, headers: tuple[str, ...]) -> None:
    assert await net.outcome(answer(200, T.encode(), *headers)) == (Outcome.CONN, "headers_too_large")


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "x-own", "gzip, identity"])
async def test_ht13_a_coded_body_is_never_decoded(net: Net, encoding: str) -> None:
    given = answer(200, T.encode(), f"Content-Encoding: {encoding}")

    assert await net.outcome(given) == (Outcome.MISMATCH, "content_encoding")


async def test_ht13_identity_and_any_charset_are_fine(net: Net) -> None:
    given = answer(200, T.encode(), "Content-Encoding: Identity", "Content-Type: text/html; charset=utf-16")

    assert await net.outcome(given) == (Outcome.PASS, "file")


async def test_ht14_the_request_is_plain_and_says_who_asks(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.2:{net.other.port}")
    net.web.says(answer(302, b"", "Location: /two", "Set-Cookie: a=b; Path=/"))
    net.web.says(OK, "/two")

    assert await net.outcome(perspective="fra") == (Outcome.PASS, "file")
    for request in net.web.asked:
        assert request.raw.decode().splitlines()[1:-1] == [
            f"Host: {NAME}", "Accept: */*", "Accept-Encoding: identity", "User-Agent: Issuary-DCV/1 (perspective fra)",
            "Connection: close",
        ] or request.headers == {
            "host": NAME, "accept": "*/*", "accept-encoding": "identity",
            "user-agent": "Issuary-DCV/1 (perspective fra)", "connection": "close",
        }  # fmt: skip
        assert request.raw.startswith(b"GET /")
        assert request.raw.split(b"\r\n")[0].endswith(b" HTTP/1.1")
    assert (net.web.connections, net.other.connections) == (2, 0)


@pytest.mark.parametrize(
    "given", [b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
async def test_ht14_http_2_is_told_by_its_name(net: Net, given: bytes) -> None:
    verdict, _ = await net.check(given)

    assert (verdict.outcome, verdict.reason) == (Outcome.CONN, "http2")
    assert "serve HTTP/1.1" in verdict.message


@pytest.mark.parametrize(
    "given",
    [b"", b"SSH-2.0-OpenSSH_9\r\n", b"\x16\x03\x01\x00", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200", b"\xff" * 99],
)
async def test_what_is_no_http_is_no_answer(net: Net, given: bytes) -> None:
    verdict, _ = await net.check([given])

    assert (verdict.outcome, verdict.reason) == (Outcome.CONN, "broken_http")
    assert verdict.message.isprintable()


@pytest.mark.parametrize(
    "slow",
    [[5.0], [b"HTTP/1.1 200 OK\r\n", 5.0], [answer(200, T.encode())[:-3], 5.0], [redirect(302, "/slow"), 0.0],
     [b"HTTP/1.1 100 Continue\r\n\r\n", 0.01] * 500],
)  # fmt: skip
async def test_ht16_the_whole_attempt_has_an_end(net: Net, slow: Answer) -> None:
    net.web.says([5.0], "/slow")
    async with asyncio.timeout(2):
        verdict, hops = await net.check(slow, all_seconds=0.3)

    assert (verdict.outcome, verdict.reason) == (Outcome.CONN, "timeout")
    assert hops[0].addresses == ("127.0.0.1",)


async def test_nobody_there_is_no_connection(net: Net) -> None:
    await net.web.__aexit__()

    assert await net.outcome() == (Outcome.CONN, "connect")


async def test_tk5_a_token_in_the_url_asked_for_proves_nothing(net: Net) -> None:
    """A page that shows what it was asked for would otherwise prove control to whoever sends a redirect there."""
    net.web.says(OK, f"/echo?{T.upper()}")

    assert await net.outcome(redirect(302, f"/echo?{T.upper()}")) == (Outcome.MISMATCH, "token_in_request")


async def test_a_token_that_died_is_refused_though_it_is_served(net: Net) -> None:
    net.web.says(OK)
    hops = await net.fetch()
    verdict = judge(Adn(NAME), hops, [Token("t", T, NOW - timedelta(days=30))], NOW)

    assert (verdict.outcome, verdict.reason) == (Outcome.POLICY, "token_expired")


async def test_hostile_text_is_shown_short_and_clean(net: Net) -> None:
    body = b"\x1b[31m<script>\x00\r\n{0}%s" + b"y" * 900
    verdict, (hop,) = await net.check(answer(200, body))

    assert verdict.message.isprintable()
    assert len(verdict.message) < 300
    assert len(str(hop.as_evidence()["body"])) <= 128
