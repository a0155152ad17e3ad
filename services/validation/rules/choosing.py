"""Which method a submission is by: the one given, else the one before (LC1, LC2)."""

from collections.abc import Iterable
from datetime import datetime

from services.validation.rules.methods import DNS_TXT, OFFERED, SECTIONS
from services.validation.rules.policy import Policy
from services.validation.rules.text import quoted
from shared.errors import Rejected

# Every method name of the wire, in its order there; what is offered of them depends on the date and on this deployment.
NAMES = {
    "dns-txt-token": "DNS TXT record",
    "dns-cname-token": "DNS CNAME record",
    "http-token": "File on the web server",
    "email": "E-mail to a domain contact",
    "dns-persist": "Persistent DNS TXT record",
}
# The others have no value of their own for one submission that could be asked for anew.
WITH_TOKEN = frozenset({"dns-txt-token", "dns-cname-token", "http-token"})


def is_open(method: str, policy: Policy, now: datetime) -> bool:
    """Sunsets count a day early, as every dated rule does (SV2)."""
    return method in OFFERED and policy.allows(OFFERED[method].section) and OFFERED[method].is_open(now + policy.lead)


def offered(policy: Policy, now: datetime) -> list[str]:
    return [method for method in NAMES if is_open(method, policy, now)]


def choose(given: str | None, earlier: str | None, requested: Iterable[str], policy: Policy, now: datetime) -> str:
    """The method's name; raises Rejected with the code that says why there is none."""
    method = given or earlier
    open_ones = ", ".join(offered(policy, now))
    if method is None:
        raise Rejected(
            f"Say how control is to be proven: dcv_method is one of {open_ones}. Later it may be left out.",
            "dcv_method_required",
        )
    if method not in NAMES and method not in OFFERED:
        raise Rejected(f"There is no validation method {quoted(method)}; use {open_ones}.", "invalid_dcv_method")
    if not is_open(method, policy, now):
        raise Rejected(f"The method {method} is not allowed any more or not here; use {open_ones}.",
                       "method_not_allowed")  # fmt: skip
    if why := why_not_for(method, requested):
        raise Rejected(why, "method_not_allowed")
    return method


def wire_name(section: str, usual: str | None) -> str:
    """Of the method that made a proof; several names may stand for one section, then the domain's usual one counts."""
    names = [name for name, sections in SECTIONS.items() if section in sections]
    return usual if usual in names else next(iter(names), usual or DNS_TXT)


def why_not_for(method: str, requested: Iterable[str]) -> str | None:
    """A wildcard needs a method that may prove one (BR 3.2.2.4)."""
    wildcard = next((name for name in requested if name.startswith("*.")), None)
    if wildcard is None or OFFERED[method].wildcard:
        return None
    return f"The method {method} proves one exact name only, and {wildcard} is a wildcard; choose a DNS method."
