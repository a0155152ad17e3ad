"""What clients send, as loosely as they send it."""

from datetime import date
from typing import Annotated

from fastapi import Depends, Path
from pydantic import Field

from services.orders.actions import MailAgain
from services.orders.api.fields import Count, Id, Reference, Text, number
from services.orders.api.organization_bodies import OrganizationInOrder
from services.orders.rules.intake import Options, Wish
from services.orders.rules.products import Product, product_for
from services.orders.rules.reasons import RevocationWish, revocation_reason
from services.orders.rules.reissue import ReissueWish
from services.orders.rules.validity import Span, span
from shared.web import Body


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


class OtherCertificate(Body):
    """Of a reissue or duplicate: what is left out stays as it is."""

    common_name: Annotated[str, Field(max_length=255)] | None = None
    dns_names: Annotated[tuple[Annotated[str, Field(max_length=255)], ...], Field(max_length=250)] = ()
    csr: str | None = None
    signature_hash: str | None = None
    server_platform: Reference = Reference()
    cert_validity: Validity = Validity()


class ReissueBody(Body):
    certificate: OtherCertificate = OtherCertificate()
    comments: Annotated[Text, Field(max_length=2000)] | None = None
    dcv_method: str | None = None
    skip_approval: bool = False

    def wish(self) -> ReissueWish:
        wished = self.certificate
        return ReissueWish(
            common_name=wished.common_name,
            dns_names=wished.dns_names,
            csr=wished.csr,
            signature_hash=wished.signature_hash,
            server_platform_id=wished.server_platform.id,
            cert_validity=wished.cert_validity.span(),
            dcv_method=self.dcv_method,
            comments=self.comments,
        )


class CustomFieldBody(Body):
    metadata_id: Id = None
    value: Annotated[Text, Field(max_length=255)] = ""


class ProductHint(Body):
    type_hint: str | None = None


class OrderBody(Body):
    certificate: WishedCertificate
    order_validity: Validity = Validity()
    validity_years: Count = None
    validity_days: Count = None
    custom_expiration_date: date | None = None
    payment_method: str | None = None
    dcv_method: str | None = None
    container: Reference = Reference()
    organization: OrganizationInOrder = OrganizationInOrder()
    product: ProductHint = ProductHint()
    comments: Annotated[Text, Field(max_length=2000)] | None = None
    skip_approval: bool = False
    auto_renew: bool = False
    auto_reissue: bool = False
    disable_renewal_notifications: bool = False
    custom_renewal_message: Annotated[Text, Field(max_length=2000)] | None = None
    additional_emails: Annotated[tuple[Annotated[str, Field(max_length=255)], ...], Field(max_length=50)] = ()
    locale: Annotated[Text, Field(max_length=20)] | None = None
    renewal_of_order_id: Id = None
    custom_fields: Annotated[tuple[CustomFieldBody, ...], Field(max_length=100)] = ()

    def product_in(self, path: str) -> Product:
        """By the path, or for the generic route by the hint."""
        names = (self.certificate.common_name, *self.certificate.dns_names)
        return product_for(path, self.product.type_hint, names)

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
            options=self._options(),
            organization=self.organization.wish(),
        )

    def _options(self) -> Options:
        return Options(
            auto_renew=self.auto_renew,
            auto_reissue=self.auto_reissue,
            disable_renewal_notifications=self.disable_renewal_notifications,
            custom_renewal_message=self.custom_renewal_message,
            additional_emails=self.additional_emails,
            locale=self.locale,
            renewal_of_order_id=self.renewal_of_order_id,
            custom_fields=tuple((each.metadata_id, each.value) for each in self.custom_fields if each.metadata_id),
        )


class RevocationBody(Body):
    revocation_reason: str | None = None
    reason: str | None = None
    comments: Annotated[Text, Field(max_length=2000)] | None = None
    comment: Annotated[Text, Field(max_length=2000)] | None = None
    skip_approval: bool = False

    def wish(self) -> RevocationWish:
        """Under either name (contract T8)."""
        reason = revocation_reason(self.revocation_reason or self.reason)
        return RevocationWish(reason, self.comments or self.comment, self.skip_approval)


class AutoReissueBody(Body):
    auto_reissue: bool


class NoteBody(Body):
    text: Annotated[Text, Field(max_length=2000)]


class DcvMethodBody(Body):
    dcv_method: Annotated[Text, Field(max_length=50)]


class MailAgainBody(Body):
    """One mail address of a domain; `email_domain` is the domain above it that the address is of."""

    domain: Annotated[str, Field(max_length=255)]
    email: Annotated[str, Field(max_length=254)] | None = None
    email_domain: Annotated[str, Field(max_length=253)] | None = None


class ResendEmailsBody(Body):
    domain_approval_emails: Annotated[tuple[MailAgainBody, ...], Field(max_length=250)] = ()
    locale: str | None = None

    def wishes(self) -> list[MailAgain]:
        """By domain, for each may be given several times."""
        found: dict[str, MailAgain] = {}
        for one in self.domain_approval_emails:
            known = found.get(one.domain) or MailAgain(one.domain)
            emails = (*known.emails, one.email) if one.email else known.emails
            found[one.domain] = MailAgain(one.domain, emails, one.email_domain or known.scope)
        return list(found.values())


class DcvCheckBody(Body):
    dns_names_validations: Annotated[tuple[Annotated[str, Field(max_length=255)], ...], Field(max_length=250)] = ()


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


def order_number(order_id: Annotated[str, Path()]) -> int:
    return number(order_id, "not_found|order", "order")


def request_number(request_id: Annotated[str, Path()]) -> int:
    return number(request_id, "not_found|request", "request")


def certificate_number(certificate_id: Annotated[str, Path()]) -> int:
    return number(certificate_id, "not_found|certificate", "certificate")


OrderNumber = Annotated[int, Depends(order_number)]
RequestNumber = Annotated[int, Depends(request_number)]
CertificateNumber = Annotated[int, Depends(certificate_number)]
