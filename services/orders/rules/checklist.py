"""What the CA's staff find out of an organization before it stands in a certificate, and where it may be found: OV by
BR 3.2.2 and 3.2.5, EV by EVG 11 (since EVG 2.0 numbered 3.2.2.2 to 3.2.2.13). docs/organizations.md has it in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Level = Literal["ov", "ev"]
LEVELS: Mapping[Level, str] = {"ov": "Organization Validation", "ev": "Extended Validation"}

SOURCES = {
    "government": "Government agency, or its register",
    "reliable_database": "Reliable data source of a third party",
    "independent_source": "Qualified independent information source",
    "tax_source": "Qualified government tax information source",
    "site_visit": "Visit to the place by our staff or agent",
    "attestation_letter": "Attestation letter",
    "professional_letter": "Verified letter of a lawyer, notary or accountant",
    "document": "Utility bill, bank or card statement, or tax document",
    "bank": "Confirmation by the organization's bank",
    "contact": "Call or letter by the method of communication found",
    "agreement": "Signed subscriber agreement or authorization",
    "denied_lists": "Lists of denied persons, organizations and countries",
    "review": "Review of everything collected",
}
CATEGORIES = ("Private Organization", "Government Entity", "Business Entity", "Non-Commercial Entity")  # EVG 9.2.3


@dataclass(frozen=True)
class Item:
    """One thing to find out. `sources` by level: it is asked for where its level is named."""

    kind: str
    title: str
    question: str
    rules: Mapping[Level, str]
    sources: Mapping[Level, tuple[str, ...]]
    only_with_assumed_name: bool = False
    by_another: bool = False  # the last one, by a person who did none of the others


ITEMS = (
    Item(
        "legal_existence", "Legal existence",
        "Does the organization exist under exactly this legal name, and is it active?",
        {"ov": "BR 3.2.2.1", "ev": "EVG 11.2"},
        {"ov": ("government", "reliable_database", "site_visit", "attestation_letter"), "ev": ("government",)},
    ),
    Item(
        "registration", "Business category, jurisdiction and registration number",
        "Which kind of organization is it, where was it incorporated or registered, and under which number or date?",
        {"ev": "EVG 11.2.1, 9.2.3 to 9.2.5"}, {"ev": ("government",)},
    ),
    Item(
        "assumed_name", "Assumed name",
        "May the organization do business under this name, and is it still registered for it?",
        {"ov": "BR 3.2.2.2", "ev": "EVG 11.3"},
        {
            "ov": ("government", "reliable_database", "independent_source", "attestation_letter",
                   "professional_letter", "document"),
            "ev": ("government", "independent_source", "professional_letter"),
        },
        only_with_assumed_name=True,
    ),
    Item(
        "address", "Address and country",
        "Does the organization exist or operate at this address, in this country? For EV: is it a place of business?",
        {"ov": "BR 3.2.2.1, 3.2.2.3", "ev": "EVG 11.4"},
        {
            "ov": ("government", "reliable_database", "independent_source", "tax_source", "site_visit",
                   "attestation_letter", "document"),
            "ev": ("government", "independent_source", "tax_source", "site_visit"),
        },
    ),
    Item(
        "communication", "Method of communication",
        "Which telephone number or postal address of it is known from somebody other than the requester?",
        {"ov": "BR 3.2.5, 1.6.1", "ev": "EVG 11.5"},
        {
            "ov": ("government", "reliable_database", "independent_source", "tax_source", "attestation_letter",
                   "professional_letter", "document"),
            "ev": ("government", "independent_source", "tax_source", "professional_letter"),
        },
    ),
    Item(
        "operational_existence", "Operational existence",
        "Has it existed for three years, or is it listed as operating, or has it an account with a bank?",
        {"ev": "EVG 11.6"},
        {"ev": ("government", "independent_source", "tax_source", "bank", "professional_letter")},
    ),
    Item(
        "authority", "Authority of the requester",
        "Did the organization, called by the method found, confirm the requester and the request? For EV: name, title "
        "and authority of the contract signer and the certificate approver.",
        {"ov": "BR 3.2.5", "ev": "EVG 11.8"},
        {"ov": ("contact", "professional_letter"), "ev": ("contact", "professional_letter")},
    ),
    Item(
        "agreement", "Agreement and approval of the request",
        "Is the subscriber agreement signed by the contract signer, and the request approved by the approver?",
        {"ev": "EVG 11.9, 11.10"}, {"ev": ("contact", "agreement")},
    ),
    Item(
        "denied_lists", "Denied lists and high risk",
        "Is neither the organization nor a person named here on a denied list, and its request of no high risk?",
        {"ev": "EVG 11.12"}, {"ev": ("denied_lists",)},
    ),
    Item(
        "due_diligence", "Final cross-correlation",
        "Does everything collected fit together, and is nothing open? A second person looks at all of it.",
        {"ev": "EVG 11.13"}, {"ev": ("review",)}, by_another=True,
    ),
)  # fmt: skip
BY_KIND = {item.kind: item for item in ITEMS}


def checklist(level: Level, has_assumed_name: bool) -> tuple[Item, ...]:
    wanted = (item for item in ITEMS if level in item.rules)
    return tuple(item for item in wanted if has_assumed_name or not item.only_with_assumed_name)
