"""What clients send, as loosely as they send it."""

from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Path
from pydantic import AfterValidator, BeforeValidator, Field

from services.orders.rules.intake import Wish
from services.orders.rules.texts import without_nul
from services.orders.rules.validity import Span, span
from shared.errors import NotFound
from shared.web import Body


def _no_number(value: Any) -> Any:
    return None if value in (0, "0") else value


def _no_id(value: Any) -> Any:
    return None if value in (0, "0", -1, "-1") else value


Text = Annotated[str, AfterValidator(without_nul)]
# Numbers come as such or as digits; zero stands for "none", and -1 for "other" where an id is meant.
Id = Annotated[int | None, Field(ge=1, lt=2**31), BeforeValidator(_no_id)]
Count = Annotated[int | None, Field(ge=1, lt=2**31), BeforeValidator(_no_number)]


class Reference(Body):
    id: Id = None


class Validity(Body):
    years: Count = None
    days: Count = None
    custom_expiration_date: date | None = None

    def span(self) -> Span | None:
        return span(self.years, self.days, self.custom_expiration_date)


class WishedCertificate(Body):
    common_name: Annotated[str, Field(max_length=255)]
    dns_names: Annotated[tuple[Annotated[str, Field(max_length=255)], ...], Field(max_length=250)] = ()
    csr: str
    signature_hash: str = "sha256"
    server_platform: Reference = Reference()
    cert_validity: Validity = Validity()


class OrderBody(Body):
    certificate: WishedCertificate
    order_validity: Validity = Validity()
    validity_years: Count = None
    validity_days: Count = None
    custom_expiration_date: date | None = None
    payment_method: str | None = None
    dcv_method: str | None = None
    container: Reference = Reference()
    comments: Annotated[Text, Field(max_length=2000)] | None = None

    def wish(self, product_name_id: str) -> Wish:
        legacy = span(self.validity_years, self.validity_days, self.custom_expiration_date)
        return Wish(
            product_name_id=product_name_id,
            common_name=self.certificate.common_name,
            dns_names=self.certificate.dns_names,
            csr=self.certificate.csr,
            signature_hash=self.certificate.signature_hash,
            term=self.order_validity.span() or legacy,
            cert_validity=self.certificate.cert_validity.span(),
            payment_method=self.payment_method,
            dcv_method=self.dcv_method,
            comments=self.comments,
            server_platform_id=self.certificate.server_platform.id,
        )


class StatusBody(Body):
    status: str
    note: Annotated[Text, Field(max_length=500)] | None = None
    processor_comment: Annotated[Text, Field(max_length=500)] | None = None

    @property
    def reason(self) -> str:
        return self.processor_comment or self.note or "No reason given"

    @property
    def wished(self) -> str:
        """Statuses are compared without case, and both spellings of canceled are known (contract T7)."""
        status = self.status.strip().lower()
        return "canceled" if status == "cancelled" else status


def number(text: str, code: str, what: str) -> int:
    """An id of a path; what is no number names nothing."""
    if text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) < 2**31:
        return int(text)
    raise NotFound(f"There is no {what} {text[:40]}.", code)


def order_number(order_id: Annotated[str, Path()]) -> int:
    return number(order_id, "not_found|order", "order")


def request_number(request_id: Annotated[str, Path()]) -> int:
    return number(request_id, "not_found|request", "request")


def certificate_number(certificate_id: Annotated[str, Path()]) -> int:
    return number(certificate_id, "not_found|certificate", "certificate")


OrderNumber = Annotated[int, Depends(order_number)]
RequestNumber = Annotated[int, Depends(request_number)]
CertificateNumber = Annotated[int, Depends(certificate_number)]
