"""Who is told of what by mail, and what each may switch off."""

from dataclasses import dataclass
from typing import Literal

Why = Literal["requester", "manager", "named"]
MANAGERS = ("administrator", "manager")  # who decides about requests, and looks after what expires

# The requester comes first, so that whoever is both is told as the one who asked.
AUDIENCES: dict[str, tuple[Why, ...]] = {
    "certificate_issued": ("requester", "named"),
    "certificate_expiring": ("requester", "manager", "named"),
    "certificate_revoked": ("requester", "manager"),
    "request_submitted": ("manager",),
    "request_decided": ("requester",),
    "order_rejected": ("requester",),
    "domain_validation_expiring": ("manager",),
    "domain_validation_expired": ("manager",),
    "organization_expiring": ("manager",),
}


@dataclass(frozen=True)
class Kind:
    name: str
    title: str
    says: str
    templates: tuple[str, ...]


KINDS = (
    Kind("certificates", "Certificates", "A certificate that you asked for is issued; one of yours is revoked.",
         ("certificate_issued", "certificate_revoked")),
    Kind("expiry", "Expiring certificates", "90, 60, 30 and 7 days before a certificate ends, and on its last day.",
         ("certificate_expiring",)),
    Kind("approvals", "Requests to approve", "Somebody asked for something that waits for your decision.",
         ("request_submitted",)),
    Kind("decisions", "Decisions", "Your request was approved, or your request or order was rejected.",
         ("request_decided", "order_rejected")),
    Kind("domains", "Domains", "The validation of a domain is about to end, or has ended.",
         ("domain_validation_expiring", "domain_validation_expired")),
    Kind("organizations", "Organizations", "The validation of an organization is about to end.",
         ("organization_expiring",)),
)  # fmt: skip
KIND_OF = {template: kind.name for kind in KINDS for template in kind.templates}
