"""What an observation proves. Judged in one place, whoever saw it: a perspective far away only tells what it saw."""

from collections.abc import Callable, Iterable
from datetime import datetime

from services.validation.rules import dns_change, dns_cname, http_file, mail, persist
from services.validation.rules.looking import Job, Observation
from services.validation.rules.methods import DNS_CNAME, DNS_PERSIST, DNS_TXT, EMAIL, HTTP_FILE
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.tokens import Token


def judge(job: Job, seen: Observation, tokens: Iterable[Token], now: datetime) -> Verdict:
    """By the tokens that live at this moment; one made after the look began cannot have been seen by it."""
    return JUDGES[job.kind](job, seen, [token for token in tokens if token.created_at <= seen.started_at], now)


def judge_remote(job: Job, seen: Observation, tokens: Iterable[Token], now: datetime) -> Verdict:
    """What another process says it saw need not fit the job; then it corroborates nothing."""
    try:
        return judge(job, seen, tokens, now)
    except (ValueError, LookupError, TypeError, AttributeError):
        return Verdict(Outcome.DNSERR, "unreadable", "What it says it saw does not fit the job.")


def _txt(job: Job, seen: Observation, tokens: list[Token], now: datetime) -> Verdict:
    return dns_change.judge(list(zip(job.places, seen.answers, strict=True)), tokens, now)


def _cname(job: Job, seen: Observation, tokens: list[Token], now: datetime) -> Verdict:
    return dns_cname.judge(list(zip(job.places, seen.answers, strict=True)), job.zone, tokens, now)


def _file(job: Job, seen: Observation, tokens: list[Token], now: datetime) -> Verdict:
    return http_file.judge(job.places[0].adn, seen.hops, tokens, now)


def _persist(job: Job, seen: Observation, tokens: list[Token], now: datetime) -> Verdict:
    """No token: the record names the account, and stays."""
    if job.wanted is None:
        raise ValueError("a job for a persistent record says whom it is to name")
    return persist.judge(list(zip(job.places, seen.answers, strict=True)), job.wanted, now)


def _mail(job: Job, seen: Observation, tokens: list[Token], now: datetime) -> Verdict:
    """No token that an applicant knows counts: whoever got the mail confirmed with a value of its own."""
    return mail.judge(job, seen)


JUDGES: dict[str, Callable[[Job, Observation, list[Token], datetime], Verdict]] = {
    DNS_TXT: _txt,
    DNS_CNAME: _cname,
    HTTP_FILE: _file,
    DNS_PERSIST: _persist,
    EMAIL: _mail,
}
