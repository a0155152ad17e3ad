"""What clients get. A field that is absent is left out; each field has one type in every reply (contract T18)."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from pydantic import BaseModel

from services.orders.api.facts import Facts, Moment, facts
from services.orders.api.order_organization import OrganizationInInfo, OrganizationInRow, contact_of, organization_shown
from services.orders.models import (
    AppUser,
    Certificate,
    CustomValue,
    OrderNote,
    OrderRequest,
    OrganizationContact,
)
from services.orders.queries import Row
from services.orders.rules.money import in_major_units
from services.orders.rules.products import CATALOGUE, DESCRIPTIONS, DUPLICATES_ALLOWED, level_of, product_name
from shared.events.base import Money


class Container(BaseModel):
    id: int
    name: str


class ProductShape(BaseModel):
    name_id: str
    name: str
    type: str
    validation_type: str
    validation_name: str
    validation_description: str


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
    organization: dict[str, int] | None
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
    organization: OrganizationInRow | None


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


class NoteShape(BaseModel):
    id: int
    text: str


class CustomFieldShape(BaseModel):
    metadata_id: int
    label: str
    value: str


class OrderInfo(OrderShape):
    certificate: CertificateInfo
    organization: OrganizationInInfo | None
    organization_contact: dict[str, Any] | None
    technical_contact: dict[str, Any] | None
    is_renewal: bool
    renewed_order_id: int | None
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
    notes: list[NoteShape]
    custom_fields: list[CustomFieldShape]
    facts: Facts
    caa_status_message: str | None = None


def listed(row: Row, for_operator: bool, today: date) -> ListedOrder:
    certificate = CertificateShape.model_validate(_certificate(row.request, row.certificate, today))
    organization = row.order.organization
    named = OrganizationInRow(id=organization.id, name=organization.name) if organization else None
    return ListedOrder(certificate=certificate, organization=named, **_order(row, for_operator, today))


def info(
    row: Row,
    requests: Sequence[OrderRequest],
    notes: Sequence[OrderNote],
    values: Sequence[CustomValue],
    user: AppUser | None,
    contacts: Sequence[OrganizationContact],
    for_operator: bool,
    today: date,
) -> OrderInfo:
    order, request = row.order, row.request
    platform = {"id": request.server_platform_id} if request.server_platform_id else None
    return OrderInfo.model_validate(
        {
            **_order(row, for_operator, today),
            "certificate": {
                **_certificate(request, row.certificate, today),
                "csr": request.csr,
                "server_platform": platform,
                "organization": {"id": order.organization.id} if order.organization else None,
            },
            "organization": order.organization and organization_shown(order.organization),
            "organization_contact": contact_of(contacts, "organization_contact"),
            "technical_contact": contact_of(contacts, "technical_contact"),
            "is_renewal": order.renewal_of_id is not None,
            "renewed_order_id": order.renewal_of_id,
            "date_issued": order.issued_at,
            "order_valid_till": order.valid_till,
            "auto_renew": int(order.auto_renew),
            "auto_reissue": int(order.auto_reissue),
            "user": user and Person.model_validate(user, from_attributes=True),
            "requests": [_request(each) for each in requests],
            "receipt_id": order.receipt_id,
            "payment_method": order.payment_method,
            "allow_duplicates": DUPLICATES_ALLOWED,
            "duplicates_count": order.duplicates_count,
            "reissues_count": order.reissues_count,
            "dcv_method": request.dcv_method,
            "dcv_random_value": request.dcv_random_value,
            "currency": order.currency,
            "custom_fields": [CustomFieldShape.model_validate(value, from_attributes=True) for value in values],
            "notes": [NoteShape(id=note.id, text=note.text) for note in notes],
            "facts": facts(row),
        }
    )


def caa_status(request: OrderRequest) -> str | None:
    """What validation said of CAA while the request waits: the denial, else its advice of each name. Not known is not
    said."""
    if request.closed_at:
        return None
    denied = {each["name"]: each["message"] for each in request.denials or () if each.get("code") == "caa"}
    said = denied or {name.name: name.caa_warning for name in request.names if name.caa_warning}
    return " ".join(f"{name}: {message}" for name, message in said.items()) or None


def _order(row: Row, for_operator: bool, today: date) -> dict[str, Any]:
    order = row.order
    return {
        "id": order.id,
        "status": row.status(today),
        "is_renewed": row.renewed_by is not None,
        "date_created": order.placed_at,
        "validity_years": order.term_years,
        "disable_renewal_notifications": order.disable_renewal_notifications,
        "container": Container(id=row.division.id, name=row.division.name),
        "product": product_shape(order.product_name_id),
        "has_duplicates": order.duplicates_count > 0,
        "product_name_id": order.product_name_id,
        "price": price(order.net),
        "account_id": order.account_id if for_operator else None,
    }


def _certificate(request: OrderRequest, certificate: Certificate | None, today: date) -> dict[str, Any]:
    issued: dict[str, Any] = dict.fromkeys(("id", "thumbprint", "serial_number", "valid_from", "valid_till"))
    if certificate:
        issued = {name: getattr(certificate, name) for name in issued}
    return {
        **issued,
        "common_name": request.common_name,
        "dns_names": request.dns_names,
        "date_created": certificate.issued_at if certificate else None,
        "days_remaining": (certificate.valid_till - today).days if certificate else None,
        "signature_hash": request.signature_hash,
        "key_size": int((request.key or "").rsplit("-", 1)[-1].rsplit(" ", 1)[-1]),
    }


def _request(request: OrderRequest) -> RequestShape:
    return RequestShape(
        id=request.id,
        date=request.requested_at,
        type=request.type,
        status=request.status,
        comments=request.comments,
        certificate_id=request.certificate_id,
    )


def product_shape(name_id: str) -> dict[str, str]:
    kind = next((product.type for product in CATALOGUE if product.name_id == name_id), "ssl_certificate")
    validation = level_of(name_id) or "dv"
    return {
        "name_id": name_id,
        "name": product_name(name_id),
        "type": kind,
        "validation_type": validation,
        "validation_name": validation.upper(),
        "validation_description": DESCRIPTIONS[validation],
    }


def price(money: Money | None) -> float | int | None:
    """A number on the wire: what the price list says, before tax."""
    if money is None:
        return None
    amount = in_major_units(money)
    return int(amount) if amount == amount.to_integral_value() else float(amount)
