"""Methods .4, .13 and .14: somebody who reads the mail of a domain confirms with the value that was mailed (EM1–EM11).

The confirmation itself is a fact of ours. What can be looked at from outside is whether the address still is a contact
of the domain, which those of .13 and .14 have to be, seen from everywhere (EM8)."""

from collections.abc import Sequence

from services.validation.rules.adn import Adn
from services.validation.rules.answers import DnsAnswer, Status, failure
from services.validation.rules.caa import Record, levels
from services.validation.rules.contacts import Contact, addresses_in
from services.validation.rules.dns_change import Place
from services.validation.rules.looking import Job, Observation
from services.validation.rules.methods import CAA_CONTACT, CONSTRUCTED, TXT_CONTACT
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.text import quoted

LABEL, TAG = "_validation-contactemail", "contactemail"


def places(adns: Sequence[Adn], contact: Contact | None) -> list[Place]:
    """Where the contact is published; of a constructed address the domain itself, where nothing is asked."""
    adn = next((one for one in adns if contact and one.domain == contact.adn), None)
    return places_of(contact.section, adn) if contact and adn else []


def places_of(section: str, adn: Adn) -> list[Place]:
    if section == CAA_CONTACT:
        return [Place(level, adn) for level in levels(adn.domain)]
    return [Place(txt_name(adn.domain) if section == TXT_CONTACT else adn.domain, adn)]


def txt_name(adn: str) -> str:
    return f"{LABEL}.{adn}"


def in_txt(answer: DnsAnswer) -> list[str]:
    return addresses_in(answer.values)


def in_caa(answers: Sequence[DnsAnswer]) -> list[str]:
    """Of the set that decides, which is the last that was asked for (EM3)."""
    if not answers or answers[-1].status is not Status.ANSWER:
        return []
    records = [Record.of(text) for text in answers[-1].values]
    return addresses_in(text for record in records if record.tag == TAG and (text := _utf8(record.value)))


def _utf8(value: str) -> str | None:
    """Its bytes come as Latin-1."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return None


def judge(job: Job, seen: Observation) -> Verdict:
    """What becomes validated is the ADN, never the domain of the address (EM7)."""
    contact = job.contact
    if contact is None or not job.places:
        said = f"Nobody has confirmed control of {job.name} yet; the link in one of the mails does."
        return Verdict(Outcome.NOTFOUND, "unconfirmed", said)
    if contact.section == CONSTRUCTED:
        return _passed(job, contact)
    if any(place.name != answer.name for place, answer in zip(job.places, seen.answers, strict=False)):
        raise ValueError("what was looked at is not what was asked for")
    if found := failure(seen.answers[-1:]):
        return found
    published = in_caa(seen.answers) if contact.section == CAA_CONTACT else in_txt(seen.answers[0])
    return _passed(job, contact) if contact.address in published else _gone(job, contact)


def _passed(job: Job, contact: Contact) -> Verdict:
    place = job.places[0]
    return Verdict(
        Outcome.PASS, "confirmed", f"Who reads the mail of {quoted(contact.address)} confirmed it.", place.name,
        place.adn.domain, place.adn.steps, section=contact.section, address=contact.address,
    )  # fmt: skip


def _gone(job: Job, contact: Contact) -> Verdict:
    place = job.places[0]
    what = "CAA" if contact.section == CAA_CONTACT else "TXT"
    said = (
        f"{quoted(contact.address)} confirmed, but no {what} record names this address as a contact of "
        f"{contact.adn} now. Publish it again, or confirm by another address."
    )
    return Verdict(Outcome.MISMATCH, "contact_gone", said, place.name)
