"""What clients get. A field that is absent is left out; each field has one type in every reply (contract T18)."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, PlainSerializer

from services.orders.models import AppUser, Certificate, CertificateOrder, OrderName, OrderRequest
from services.orders.queries import Row
from services.orders.rules.money import in_major_units
from services.orders.rules.products import CATALOGUE, product_name
from shared.events.base import Money

Moment = Annotated[datetime, PlainSerializer(lambda at: at.astimezone(UTC).isoformat(timespec="seconds"))]


class Container(BaseModel):
    id: int
    name: str


class ProductShape(BaseModel):
    name_id: str
    name: str
    type: str
    validation_type: str
    validation_name: str


class CertificateShape(BaseModel):
    id: int | None
    thumbprint: str | None
    serial_number: str | None
    common_name: str
    dns_names: tuple[str, ...]
    date_created: Moment | None
    valid_from: date | None
    valid_till: date | None
    days_remaining: int | None
    signature_hash: str
    key_size: int


class CertificateInfo(CertificateShape):
    csr: str
    server_platform: dict[str, int] | None


class OrderShape(BaseModel):
    id: int
    status: str
    is_renewed: bool
    date_created: Moment
    validity_years: int | None
    disable_renewal_notifications: bool
    container: Container
    product: ProductShape
    has_duplicates: bool
    product_name_id: str
    price: float | int | None
    account_id: int | None


class ListedOrder(OrderShape):
    certificate: CertificateShape


class Person(BaseModel):
    id: int
    first_name: str
    last_name: str
    email: str


class RequestShape(BaseModel):
    id: int
    date: Moment
    type: str
    status: str
    comments: str | None
    certificate_id: int | None


class NameFacts(BaseModel):
    """What is known of a name: the record to publish, then its proof, else what is wrong."""

    name: str
    domain_id: int | None
    record_name: str | None
    record_type: str | None
    record_value: str | None
    validated_at: Moment | None
    usable_until: Moment | None
    problem: str | None
    next_check_at: Moment | None


class DocumentFacts(BaseModel):
    id: int
    number: str
    path: str | None


class Facts(BaseModel):
    """Issuary's own: every fact of the order by itself, from which its status follows."""

    placed_at: Moment
    approved_at: Moment | None
    rejected_at: Moment | None
    canceled_at: Moment | None
    note: str | None
    paid_at: Moment | None
    waiting_reason: str | None
    waiting_message: str | None
    released_at: Moment | None
    credited_at: Moment | None
    names: list[NameFacts]
    asked_at: Moment | None
    denied_at: Moment | None
    issue_before: Moment | None
    issued_at: Moment | None
    invoice: DocumentFacts | None
    credit_note: DocumentFacts | None


class OrderInfo(OrderShape):
    certificate: CertificateInfo
    is_renewal: bool
    date_issued: Moment | None
    order_valid_till: date | None
    auto_renew: int
    auto_reissue: int
    user: Person | None
    requests: list[RequestShape]
    receipt_id: int | None
    payment_method: str
    allow_duplicates: bool
    duplicates_count: int
    reissues_count: int
    dcv_method: str
    dcv_random_value: str
    currency: str | None
    facts: Facts


def listed(row: Row, for_operator: bool, today: date) -> ListedOrder:
    certificate = CertificateShape.model_validate(_certificate(row.order, row.certificate, today))
    return ListedOrder(certificate=certificate, **_order(row, for_operator))


def info(row: Row, request: OrderRequest, user: AppUser | None, for_operator: bool, today: date) -> OrderInfo:
    order, certificate = row.order, row.certificate
    platform = {"id": order.server_platform_id} if order.server_platform_id else None
    return OrderInfo.model_validate(
        {
            **_order(row, for_operator),
            "certificate": {**_certificate(order, certificate, today), "csr": order.csr, "server_platform": platform},
            "is_renewal": False,
            "date_issued": order.issued_at,
            "order_valid_till": order.term.end(order.issued_at.date()) if order.issued_at else None,
            "auto_renew": 0,
            "auto_reissue": 0,
            "user": user and Person.model_validate(user, from_attributes=True),
            "requests": [_request(order, request)],
            "receipt_id": order.receipt_id,
            "payment_method": order.payment_method,
            "allow_duplicates": False,
            "duplicates_count": 0,
            "reissues_count": 0,
            "dcv_method": order.dcv_method,
            "dcv_random_value": order.dcv_random_value,
            "currency": order.currency,
            "facts": _facts(order),
        }
    )


def _order(row: Row, for_operator: bool) -> dict[str, Any]:
    order = row.order
    return {
        "id": order.id,
        "status": order.status,
        "is_renewed": False,
        "date_created": order.placed_at,
        "validity_years": order.term_years,
        "disable_renewal_notifications": False,
        "container": Container(id=row.division.id, name=row.division.name),
        "product": _product(order.product_name_id),
        "has_duplicates": False,
        "product_name_id": order.product_name_id,
        "price": price(order.net),
        "account_id": order.account_id if for_operator else None,
    }


def _certificate(order: CertificateOrder, certificate: Certificate | None, today: date) -> dict[str, Any]:
    issued: dict[str, Any] = dict.fromkeys(("id", "thumbprint", "serial_number", "valid_from", "valid_till"))
    if certificate:
        issued = {name: getattr(certificate, name) for name in issued}
    return {
        **issued,
        "common_name": order.common_name,
        "dns_names": order.dns_names,
        "date_created": certificate.issued_at if certificate else None,
        "days_remaining": (certificate.valid_till - today).days if certificate else None,
        "signature_hash": order.signature_hash,
        "key_size": int(order.key.rsplit("-", 1)[-1].rsplit(" ", 1)[-1]),
    }


def _request(order: CertificateOrder, request: OrderRequest) -> RequestShape:
    return RequestShape(
        id=request.id,
        date=request.requested_at,
        type=request.type,
        status=order.request_status,
        comments=order.comments,
        certificate_id=order.certificate_id,
    )


def _facts(order: CertificateOrder) -> Facts:
    return Facts(
        placed_at=order.placed_at,
        approved_at=order.approved_at,
        rejected_at=order.rejected_at,
        canceled_at=order.cancelled_at,
        note=order.closing_note,
        paid_at=order.paid_at,
        waiting_reason=order.waiting_reason if order.is_waiting else None,
        waiting_message=order.waiting_message if order.is_waiting else None,
        released_at=order.released_at,
        credited_at=order.credited_at,
        names=[_name(name) for name in order.names],
        asked_at=order.asked_at,
        denied_at=order.denied_at,
        issue_before=order.issue_before,
        issued_at=order.issued_at,
        invoice=_document(order.invoice_id, order.invoice_number, order.invoice_path),
        credit_note=_document(order.credit_note_id, order.credit_note_number, order.credit_note_path),
    )


def _name(name: OrderName) -> NameFacts:
    return NameFacts(
        name=name.name,
        domain_id=name.domain_id,
        record_name=name.record_name,
        record_type=name.record_type,
        record_value=name.record_value,
        validated_at=name.validated_at,
        usable_until=name.usable_until,
        problem=name.failure,
        next_check_at=name.next_check_at,
    )


def _document(id: int | None, number: str | None, path: str | None) -> DocumentFacts | None:
    return DocumentFacts(id=id, number=number, path=path) if id and number else None


def _product(name_id: str) -> dict[str, str]:
    kind = next((product.type for product in CATALOGUE if product.name_id == name_id), "ssl_certificate")
    name = product_name(name_id)
    return {"name_id": name_id, "name": name, "type": kind, "validation_type": "dv", "validation_name": "DV"}


def price(money: Money | None) -> float | int | None:
    """A number on the wire (contract 2.9): what the price list says, before tax."""
    if money is None:
        return None
    amount = in_major_units(money)
    return int(amount) if amount == amount.to_integral_value() else float(amount)
