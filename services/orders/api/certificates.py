from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Header
from pydantic import BaseModel
from starlette.responses import Response

from services.orders import actions, queries
from services.orders.api.bodies import CertificateNumber, OrderNumber
from services.orders.models import Certificate
from services.orders.queries import Delivered
from services.orders.rules.downloads import Chain, file_of, form_for, platform_number
from services.orders.rules.products import product_name
from services.orders.rules.reading import read_pem
from shared.db import utcnow
from shared.errors import NotFound
from shared.web import Tx, Who

router = APIRouter(prefix="/services/v2/certificate")
AS_KEPT = ("id", "order_id", "common_name", "dns_names", "serial_number", "thumbprint", "valid_from", "valid_till",
           "signature_hash")  # fmt: skip
Accept = Annotated[str, Header(alias="accept")]


class Named(BaseModel):
    name: str


class CertificateFacts(BaseModel):
    id: int
    order_id: int
    status: str
    common_name: str
    dns_names: tuple[str, ...]
    serial_number: str
    thumbprint: str
    valid_from: date
    valid_till: date
    signature_hash: str
    key_size: int
    product: Named


class ChainLink(BaseModel):
    subject_common_name: str
    pem: str


class Intermediates(BaseModel):
    intermediates: list[ChainLink]


@router.get("/{certificate_id}", response_model_exclude_none=True)
async def certificate(certificate_id: CertificateNumber, tx: Tx, who: Who) -> CertificateFacts:
    who.require(*actions.READERS)
    return facts(await _found(tx, who, certificate_id))


@router.get("/{certificate_id}/chain")
async def chain(certificate_id: CertificateNumber, tx: Tx, who: Who) -> Intermediates:
    who.require(*actions.READERS)
    found = await _found(tx, who, certificate_id)
    pems = (found.certificate.intermediate_pem, found.certificate.root_pem)
    return Intermediates(
        intermediates=[ChainLink(subject_common_name=read_pem(pem).common_name, pem=pem) for pem in pems]
    )


@router.get("/{certificate_id}/download/format/{form}")
async def download(certificate_id: CertificateNumber, form: str, tx: Tx, who: Who, accept: Accept = "") -> Response:
    who.require(*actions.READERS)
    return delivered(await _found(tx, who, certificate_id), form, accept)


@router.get("/{certificate_id}/download/platform")
async def download_by_platform(certificate_id: CertificateNumber, tx: Tx, who: Who, accept: Accept = "") -> Response:
    """By the platform that the certificate was ordered for."""
    who.require(*actions.READERS)
    found = await _found(tx, who, certificate_id)
    return delivered(found, form_for(found.certificate.server_platform_id), accept)


@router.get("/{certificate_id}/download/platform/{platform}")
async def download_for_platform(
    certificate_id: CertificateNumber, platform: str, tx: Tx, who: Who, accept: Accept = ""
) -> Response:
    who.require(*actions.READERS)
    found = await _found(tx, who, certificate_id)
    return delivered(found, form_for(platform_number(platform)), accept)


@router.get("/download/order/{order_id}")
async def download_of_order(order_id: OrderNumber, tx: Tx, who: Who, accept: Accept = "") -> Response:
    who.require(*actions.READERS)
    found = await _found_of_order(tx, who, order_id)
    return delivered(found, form_for(found.certificate.server_platform_id), accept)


@router.get("/download/order/{order_id}/format/{form}")
async def download_of_order_as(order_id: OrderNumber, form: str, tx: Tx, who: Who, accept: Accept = "") -> Response:
    who.require(*actions.READERS)
    return delivered(await _found_of_order(tx, who, order_id), form, accept)


async def _found(tx: Tx, who: Who, certificate_id: int) -> Delivered:
    found = await queries.certificate_to_deliver(tx, who, certificate_id)
    if found is None:
        raise NotFound(f"There is no certificate {certificate_id} in this account.", "not_found|certificate")
    return found


async def _found_of_order(tx: Tx, who: Who, order_id: int) -> Delivered:
    """The order's primary certificate; those of its reissues and duplicates are delivered under their own ids."""
    row = await queries.order_row(tx, who, str(order_id))
    if row is None:
        raise actions.no_order(order_id)
    if row.certificate is None:
        raise NotFound(f"Order {order_id} has no certificate yet; it is {row.order.status}.", "not_found|certificate")
    return await _found(tx, who, row.certificate.id)


def delivered(found: Delivered, form: str, accept: str) -> Response:
    file = file_of(chain_of(found.certificate), form, zip_wanted="application/zip" in accept)
    headers = {"content-type": file.content_type, "content-disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, headers=headers)


def chain_of(certificate: Certificate) -> Chain:
    pems = (certificate.pem, certificate.intermediate_pem, certificate.root_pem)
    return Chain(certificate.id, certificate.common_name, *pems)


def facts(found: Delivered) -> CertificateFacts:
    certificate = found.certificate
    shown: dict[str, Any] = {name: getattr(certificate, name) for name in AS_KEPT}
    return CertificateFacts(
        **shown,
        status=found.status(utcnow().date()),
        key_size=read_pem(certificate.pem).key_size,
        product=Named(name=product_name(found.product_name_id)),
    )
