"""Requests, and the certificates they brought, as clients get them."""

from datetime import date
from typing import Any

from pydantic import BaseModel

from services.orders.actions import AskedRevocation
from services.orders.api.facts import Moment
from services.orders.api.shapes import Container, Person, ProductShape, product_shape
from services.orders.models import AppUser, Certificate
from services.orders.queries import IssuedOne, ListedRequest


class CommonName(BaseModel):
    common_name: str


class OrderOfRequest(BaseModel):
    id: int
    status: str
    certificate: CommonName
    container: Container
    product: ProductShape


class RequestListed(BaseModel):
    id: int
    date: Moment
    type: str
    status: str
    requester: Person | None
    order: OrderOfRequest
    comments: str | None
    certificate_id: int | None
    waits_for_staff: bool
    account_id: int | None


class RequestInfo(RequestListed):
    date_processed: Moment | None
    processor: Person | None
    processor_comment: str | None
    revocation_reason: str | None
    names_added: list[str] | None


class OtherCertificate(BaseModel):
    id: int
    order_id: int
    common_name: str
    serial_number: str


class RevocationAnswer(BaseModel):
    """`other_certificates`: those with the same key, where it is compromised."""

    id: int
    date: Moment
    type: str
    status: str
    requester: Person | None
    comments: str | None
    other_certificates: list[OtherCertificate] | None


class IssuedShape(BaseModel):
    id: int
    thumbprint: str
    serial_number: str
    common_name: str
    dns_names: list[str]
    status: str
    date_created: Moment
    valid_from: date
    valid_till: date
    csr: str
    server_platform: dict[str, int] | None
    signature_hash: str
    key_size: int
    sub_id: str
    public_id: str


def listed(row: ListedRequest, for_operator: bool) -> RequestListed:
    return RequestListed.model_validate(_listed(row, for_operator))


def info(row: ListedRequest, processor: AppUser | None, for_operator: bool) -> RequestInfo:
    request = row.request
    return RequestInfo.model_validate(
        {
            **_listed(row, for_operator),
            "date_processed": request.rejected_at or request.approved_at,
            "processor": person(processor),
            "processor_comment": request.processor_comment,
            "revocation_reason": request.revocation_reason,
            "names_added": request.names_added,
        }
    )


def _listed(row: ListedRequest, for_operator: bool) -> dict[str, Any]:
    request, order = row.request, row.order
    return {
        "id": request.id,
        "date": request.requested_at,
        "type": request.type,
        "status": request.status,
        "requester": person(row.user),
        "order": {
            "id": order.id,
            "status": order.status,
            "certificate": {"common_name": request.common_name},
            "container": {"id": row.division.id, "name": row.division.name},
            "product": product_shape(order.product_name_id),
        },
        "comments": request.comments,
        "certificate_id": request.certificate_id or request.revokes_id,
        "waits_for_staff": request.escalated_at is not None and request.status == "pending",
        "account_id": request.account_id if for_operator else None,
    }


def revocation(asked: AskedRevocation, user: AppUser | None) -> RevocationAnswer:
    request = asked.request
    return RevocationAnswer(
        id=request.id,
        date=request.requested_at,
        type=request.type,
        status=request.status,
        requester=person(user),
        comments=request.comments,
        other_certificates=[_same_key(each) for each in asked.with_same_key] or None,
    )


def _same_key(certificate: Certificate) -> OtherCertificate:
    return OtherCertificate.model_validate(certificate, from_attributes=True)


def issued(found: IssuedOne, position: int, today: date) -> IssuedShape:
    certificate = found.certificate
    platform = {"id": certificate.server_platform_id} if certificate.server_platform_id else None
    same = ("id", "thumbprint", "serial_number", "common_name", "dns_names", "valid_from", "valid_till", "csr",
            "signature_hash")  # fmt: skip
    return IssuedShape.model_validate(
        {
            **{name: getattr(certificate, name) for name in same},
            "status": _status(found, today),
            "date_created": certificate.issued_at,
            "server_platform": platform,
            "key_size": int(certificate.key.rsplit("-", 1)[-1].rsplit(" ", 1)[-1]),
            "sub_id": f"{position:03d}",
            "public_id": certificate.thumbprint,
        }
    )


def _status(found: IssuedOne, today: date) -> str:
    if found.revocation and found.revocation.revoked_at:
        return "revoked"
    return "expired" if found.certificate.valid_till < today else "issued"


def person(user: AppUser | None) -> Person | None:
    return Person.model_validate(user, from_attributes=True) if user else None
