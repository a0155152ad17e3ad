import io
import zipfile

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.orders import actions, queries
from services.orders.api.bodies import CertificateNumber, OrderNumber
from services.orders.models import Certificate
from shared.errors import NotFound, Rejected
from shared.web import Tx, Who

router = APIRouter(prefix="/services/v2/certificate")
PEM = "application/x-pem-file"


@router.get("/{certificate_id}/download/format/{form}")
async def download(certificate_id: CertificateNumber, form: str, request: Request, tx: Tx, who: Who) -> Response:
    who.require(*actions.READERS)
    found = await queries.certificate(tx, who, certificate_id)
    if found is None:
        raise NotFound(f"There is no certificate {certificate_id} in this account.", "not_found|certificate")
    return delivered(found, form, request)


@router.get("/download/order/{order_id}/format/{form}")
async def download_of_order(order_id: OrderNumber, form: str, request: Request, tx: Tx, who: Who) -> Response:
    who.require(*actions.READERS)
    row = await queries.order_row(tx, who, str(order_id))
    if row is None:
        raise actions.no_order(order_id)
    if row.certificate is None:
        raise NotFound(f"Order {order_id} has no certificate yet; it is {row.order.status}.", "not_found|certificate")
    return delivered(row.certificate, form, request)


def delivered(certificate: Certificate, form: str, request: Request) -> Response:
    if form != "pem_all":
        raise Rejected(f'The format "{form[:40]}" is not offered; use pem_all.')
    if "application/zip" in request.headers.get("accept", ""):
        return Response(zipped(certificate), media_type="application/zip")
    return Response(certificate.pem_all, headers={"content-type": PEM})


def zipped(certificate: Certificate) -> bytes:
    """The leaf's file has none of the words by which clients tell the others (contract 4.7)."""
    files = {
        "certificate.pem": certificate.pem,
        "intermediate.pem": certificate.intermediate_pem,
        "root.pem": certificate.root_pem,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()
