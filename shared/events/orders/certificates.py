from datetime import date
from typing import Literal

from pydantic import AwareDatetime

from shared.events.base import PublicId, ShortText
from shared.events.orders.base import AboutOrder, Names, OptionalText
from shared.events.orders.organizations import VerifiedSubject


class OrderReadyToIssue(AboutOrder):
    """Everything is there: a CA may issue before `issue_before`, not later."""

    type: Literal["order_ready_to_issue"] = "order_ready_to_issue"
    request_id: PublicId | None = None
    product_name_id: ShortText
    common_name: ShortText
    names: Names
    csr: str
    signature_hash: OptionalText = None
    issuer: OptionalText = None  # for whom this is: built-in, acme, or events for an outside CA
    issue_before: AwareDatetime
    subject_to_certify: VerifiedSubject | None = None  # of OV and EV


class CertificateIssued(AboutOrder):
    type: Literal["certificate_issued"] = "certificate_issued"
    request_id: PublicId | None = None
    certificate_id: PublicId
    common_name: ShortText
    names: Names
    serial_number: str
    thumbprint: str
    valid_from: date
    valid_till: date
    pem: str


class CertificateRevocationRequested(AboutOrder):
    """Approved: the CA that issued it has to revoke it now."""

    type: Literal["certificate_revocation_requested"] = "certificate_revocation_requested"
    request_id: PublicId | None = None
    certificate_id: PublicId
    serial_number: str
    reason: ShortText
    requested_by: ShortText
    issuer: OptionalText = None  # who has to revoke it


class CertificateRevoked(AboutOrder):
    type: Literal["certificate_revoked"] = "certificate_revoked"
    request_id: PublicId | None = None
    certificate_id: PublicId
    serial_number: str
    reason: ShortText
    revoked_at: AwareDatetime


class CertificateExpiring(AboutOrder):
    """`days` are 90, 60, 30, 7 or 0: those left on its last days, told once each."""

    type: Literal["certificate_expiring"] = "certificate_expiring"
    certificate_id: PublicId
    common_name: ShortText
    valid_till: date
    days: int


class CertificateExpired(AboutOrder):
    type: Literal["certificate_expired"] = "certificate_expired"
    certificate_id: PublicId
    common_name: ShortText
    valid_till: date
