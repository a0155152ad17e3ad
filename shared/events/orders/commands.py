from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from shared.events.base import PublicId, ShortText
from shared.events.orders.base import AboutOurOrder, Division, Names, OptionalText, OrdersCommand, Payment, Term
from shared.events.orders.organizations import WishedOrganization


class PlaceOrder(OrdersCommand):
    type: Literal["place_order"] = "place_order"
    account: dict[str, Any] | None = None
    division: Division
    product_name_id: ShortText
    term: Term
    csr: str
    common_name: OptionalText = None
    names: Names
    organization: WishedOrganization | None = None
    payment: Payment = Payment()
    dcv_method: OptionalText = None
    placed_by: ShortText = "place_order"


class ApproveOrder(AboutOurOrder):
    type: Literal["approve_order"] = "approve_order"
    approved_by: ShortText = "approve_order"


class RecordIssuedCertificate(AboutOurOrder):
    """An outside CA answers `order_ready_to_issue`: the certificate, and its intermediate and root, as PEM."""

    type: Literal["record_issued_certificate"] = "record_issued_certificate"
    request_id: PublicId | None = None
    certificate: str
    chain: Annotated[tuple[str, ...], Field(max_length=10)]


class RecordRevokedCertificate(AboutOurOrder):
    """An outside CA has revoked a certificate, asked by `certificate_revocation_requested` or of itself."""

    type: Literal["record_revoked_certificate"] = "record_revoked_certificate"
    certificate_id: PublicId | None = None
    serial_number: OptionalText = None
    reason: ShortText = "unspecified"
    revoked_at: AwareDatetime
    revoked_by: ShortText = "record_revoked_certificate"


class RejectOrder(AboutOurOrder):
    type: Literal["reject_order"] = "reject_order"
    rejected_by: ShortText = "reject_order"
    reason: ShortText


class CancelOrder(AboutOurOrder):
    type: Literal["cancel_order"] = "cancel_order"
    cancelled_by: ShortText = "cancel_order"
    note: ShortText
