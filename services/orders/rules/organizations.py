"""What a customer says of an organization, and whether two are the same one. Nothing in here is verified: what stands
in a certificate is the record that the CA's staff made (rules/vetting.py)."""

import hashlib
import unicodedata
from dataclasses import dataclass, fields

from services.orders.rules.countries import COUNTRIES
from services.orders.rules.texts import is_one_line
from shared.errors import Rejected

LONGEST = {"name": 64, "assumed_name": 64, "address": 64, "address2": 64, "city": 128, "state": 128, "zip": 40,
           "telephone": 32}  # fmt: skip
BOTH_NAMES = 61  # with the brackets and the space between them they are one organizationName of 64 (X.520)
NEEDED = ("name", "address", "city", "country")
COMPARED = ("name", "address", "city", "state", "zip", "country")


@dataclass(frozen=True)
class Details:
    name: str
    address: str
    city: str
    country: str
    assumed_name: str = ""
    address2: str = ""
    state: str = ""
    zip: str = ""
    telephone: str = ""

    @property
    def match_key(self) -> str:
        """The same for all that are the same organization: by every compared field apart, so that nothing can move
        from one to the next."""
        text = "\n".join(normalised(getattr(self, name)) for name in COMPARED)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Contact:
    contact_type: str
    user_id: int | None = None
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    job_title: str = ""
    telephone: str = ""
    telephone_extension: str = ""


@dataclass(frozen=True)
class OrganizationWish:
    """One that is known by its id, or the details of one that may be known."""

    id: int | None = None
    details: Details | None = None
    skip_duplicate_check: bool = False
    contacts: tuple[Contact, ...] = ()


def normalised(text: str) -> str:
    """Compatible characters alike, without case, each run of spaces one (NFKC before and after folding, since folding
    undoes it)."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(unicodedata.normalize("NFKC", folded.casefold()).split())


def checked(told: Details) -> Details:
    """In order, as it is kept; raises Rejected."""
    kept = Details(**{each.name: getattr(told, each.name).strip() for each in fields(told)})
    missing = [name for name in NEEDED if not getattr(kept, name)]
    if missing:
        raise Rejected(f"The organization has no {' and no '.join(missing)}; give it.")
    for name, most in LONGEST.items():
        _check_text(name, getattr(kept, name), most)
    if kept.assumed_name and len(kept.name) + len(kept.assumed_name) > BOTH_NAMES:
        raise Rejected(
            f"name and assumed_name have together at most {BOTH_NAMES} characters, since both stand in one field of "
            f"the certificate; these have {len(kept.name) + len(kept.assumed_name)}."
        )
    return Details(**{**vars(kept), "country": country_code(kept.country).lower()})


def _check_text(name: str, text: str, most: int) -> None:
    if len(text) > most:
        raise Rejected(f"The organization's {name} has at most {most} characters, this one has {len(text)}.")
    if not is_one_line(text):
        raise Rejected(f"The organization's {name} is one line; take out line breaks and hidden characters.")


def country_code(text: str) -> str:
    code = text.strip().upper()
    if code not in COUNTRIES:
        raise Rejected(f'"{text[:40]}" is no country; give its two letters of ISO 3166, such as us or de.')
    return code


def display_name(name: str, assumed_name: str) -> str:
    return f"{name} ({assumed_name})" if assumed_name else name
