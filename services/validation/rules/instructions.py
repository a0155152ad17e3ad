"""What an applicant has to publish, or who is to confirm, for a method: said once, for events, replies and pages."""

from collections.abc import Callable
from dataclasses import dataclass

from services.validation.rules import persist
from services.validation.rules.contacts import constructed
from services.validation.rules.methods import DNS_CNAME, DNS_PERSIST, DNS_TXT, EMAIL, HTTP_FILE
from services.validation.rules.policy import Policy


@dataclass(frozen=True, slots=True)
class Instructions:
    """`type` is TXT or CNAME for a record called `name`; HTTP for a file at the address `name`; MAIL for a confirmation
    by one of `addresses` of the domain `name`. `value` is what the record or file holds, or these addresses: what a
    mail holds is for its recipient alone."""

    type: str
    name: str
    value: str
    # CertCentral's own words: the zone that a CNAME's value lies in, and where the file is looked for.
    verification_value: str | None = None
    http_token_url: str | None = None
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    domain: str
    token: str
    policy: Policy
    account_id: int
    wildcard: bool


def instructions(
    method: str, domain: str, token: str, policy: Policy, account_id: int, wildcard: bool = False
) -> Instructions:
    """`wildcard`: asked for too, which a persistent record has to allow in so many words (PT7)."""
    return MADE[method](Asked(domain, token, policy, account_id, wildcard))


def _txt(asked: Asked) -> Instructions:
    return Instructions("TXT", f"{asked.policy.labels[0]}.{asked.domain}", asked.token)


def _cname(asked: Asked) -> Instructions:
    zone = asked.policy.cname_zone
    name = f"{asked.policy.labels[0]}.{asked.domain}"
    return Instructions("CNAME", name, f"{asked.token}.{zone}", verification_value=zone)


def _file(asked: Asked) -> Instructions:
    """At the very name: a file covers no name below (HT1)."""
    url = f"http://{asked.domain}/.well-known/pki-validation/{asked.policy.http_file}"
    return Instructions("HTTP", url, asked.token, http_token_url=url)


def _persist(asked: Asked) -> Instructions:
    parts = [asked.policy.issuer_domains[0], f"accounturi={asked.policy.account_uri(asked.account_id)}"]
    parts += ["policy=wildcard"] if asked.wildcard else []
    return Instructions("TXT", f"{persist.LABEL}.{asked.domain}", "; ".join(parts))


def _mail(asked: Asked) -> Instructions:
    addresses = constructed(asked.domain)
    return Instructions("MAIL", asked.domain, ", ".join(addresses), addresses=addresses)


MADE: dict[str, Callable[[Asked], Instructions]] = {
    DNS_TXT: _txt,
    DNS_CNAME: _cname,
    HTTP_FILE: _file,
    DNS_PERSIST: _persist,
    EMAIL: _mail,
}
