"""From a name and a method to what is to be looked at: the method first, then its ADNs, then their places (AD1)."""

from collections.abc import Callable, Sequence

from services.validation.rules import dns_cname, mail, persist
from services.validation.rules.adn import Adn, authorization_domains
from services.validation.rules.contacts import Contact
from services.validation.rules.dns_change import Place, places
from services.validation.rules.looking import Job
from services.validation.rules.methods import DNS_CNAME, DNS_PERSIST, DNS_TXT, EMAIL, HTTP_FILE, OFFERED
from services.validation.rules.names import Name
from services.validation.rules.persist import Wanted
from services.validation.rules.policy import Policy


def job_for(kind: str, name: Name, policy: Policy, account_id: int = 0, contact: Contact | None = None) -> Job:
    adns = authorization_domains(Name(name.fqdn), OFFERED[kind], policy.suffixes)
    if kind == EMAIL:
        return Job(kind, name.fqdn, tuple(mail.places(adns, contact)), contact=contact)
    wanted = _wanted(name, policy, account_id) if kind == DNS_PERSIST else None
    return Job(kind, name.fqdn, tuple(PLACES[kind](adns, policy)), policy.cname_zone, policy.http_file, wanted)


def _wanted(name: Name, policy: Policy, account_id: int) -> Wanted:
    uri = policy.account_uri(account_id)
    return Wanted(policy.issuer_domains, uri, name.fqdn, name.wildcard, policy.persist_follow_cname)


def _txt_places(adns: Sequence[Adn], policy: Policy) -> list[Place]:
    return places(adns, policy.labels)


def _cname_places(adns: Sequence[Adn], policy: Policy) -> list[Place]:
    return dns_cname.places(adns, policy.labels)


def _file_places(adns: Sequence[Adn], policy: Policy) -> list[Place]:
    """One: the name itself (HT1)."""
    return [Place(adn.domain, adn) for adn in adns]


def _persist_places(adns: Sequence[Adn], policy: Policy) -> list[Place]:
    return persist.places(adns)


PLACES: dict[str, Callable[[Sequence[Adn], Policy], list[Place]]] = {
    DNS_TXT: _txt_places,
    DNS_CNAME: _cname_places,
    HTTP_FILE: _file_places,
    DNS_PERSIST: _persist_places,
}
