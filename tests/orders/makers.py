from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from services.orders.actions.requesting import new_names
from services.orders.models import CertificateOrder, OrderRequest
from shared.events import billing, validation
from shared.events.base import Money, OrderRef
from shared.ids import new_id

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
OF_REQUEST = ("approved_at", "asked_at", "comments", "issue_before", "issue_failure")


def pem_of(key: Any) -> str:
    kept = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return str(key.private_bytes(*kept).decode())


@cache
def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def rsa_key(bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(exponent, bits)


@cache
def ca_key() -> str:
    return pem_of(ec.generate_private_key(ec.SECP256R1()))


def csr(key: Any = None, hash: Any = None) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "not.read.example")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key or p256(), hash or hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def body(**changes: Any) -> dict[str, Any]:
    """A request as clients send it; `certificate__x` changes a field of the certificate, None leaves a field out."""
    certificate = {
        "common_name": "www.acme.example",
        "dns_names": ["www.acme.example", "acme.example"],
        "csr": csr(),
        "signature_hash": "sha256",
    }
    sent: dict[str, Any] = {"certificate": certificate, "order_validity": {"years": 1}, "payment_method": "balance"}
    for name, value in changes.items():
        place, field = (certificate, name[13:]) if name.startswith("certificate__") else (sent, name)
        place[field] = value
        if value is None:
            del place[field]
    return sent


def a_request(**facts: Any) -> OrderRequest:
    """The request of an order just placed, on no database; facts of its order are told to the order."""
    names = facts.pop("names", ("www.acme.example",))
    order = CertificateOrder(
        id=100001, account_id=9001, division_id=14, product_name_id="ssl_dv_geotrust", term_years=1, request_id=900001,
        common_name=names[0], payment_method="balance", placed_at=NOW, placed_by="Ann Lee", status_changed_at=NOW,
        fqdns_paid=len(names), wildcards_paid=0, bonus_days=0, reissues_count=0, duplicates_count=0,
        additional_emails=[],
    )  # fmt: skip
    request = OrderRequest(
        id=900001, account_id=9001, order_id=order.id, type="new_request", requested_at=NOW, requested_by="Ann Lee",
        common_name=names[0], csr=csr(), key="ECDSA P-256", key_sha256="0" * 64, signature_hash="sha256",
        dcv_method="dns-txt-token", dcv_random_value="a" * 32, order=order,
    )  # fmt: skip
    request.names = new_names(request, names)
    for fact, value in facts.items():
        setattr(request if fact in OF_REQUEST else order, fact, value)
    if order.closed_at:
        request.closed_at = order.closed_at
    return request


def an_order(**facts: Any) -> CertificateOrder:
    return a_request(**facts).order


def prove(request: OrderRequest, until: datetime = NOW + timedelta(days=100)) -> OrderRequest:
    for name in request.names:
        name.evidence_id, name.validated_at, name.usable_until = new_id(), NOW, until
    return request


def eur(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def charged(account_id: int, order_id: int, **changes: Any) -> billing.OrderCharged:
    facts = {
        "account_id": account_id, "occurred_at": NOW, "order": OrderRef(id=order_id), "division_id": 14,
        "receipt_id": 11846, "net": eur(9900), "tax": eur(1881), "total": eur(11781), "invoice_id": 40211,
        "invoice_number": "INV-2026-000140",
    }  # fmt: skip
    return billing.OrderCharged.model_validate(facts | changes)


def waiting(account_id: int, order_id: int, **changes: Any) -> billing.OrderWaiting:
    facts = {
        "account_id": account_id, "occurred_at": NOW, "order": OrderRef(id=order_id), "division_id": 14,
        "reason": "funds", "message": "The funds of Main are 17.81 EUR short; deposit them.", "total": eur(11781),
        "shortfall": eur(1781),
    }  # fmt: skip
    return billing.OrderWaiting.model_validate(facts | changes)


def submitted(account_id: int, order_id: int, name: str, **changes: Any) -> validation.DomainSubmitted:
    facts = {
        "account_id": account_id, "occurred_at": NOW, "domain_id": 7001, "name": name, "order": OrderRef(id=order_id),
        "method": "dns-txt-token", "record_name": f"_dnsauth.{name}", "record_value": "k3v9" * 8,
        "expires_at": NOW + timedelta(days=30),
    }  # fmt: skip
    return validation.DomainSubmitted.model_validate(facts | changes)


def validated(account_id: int, name: str, **changes: Any) -> validation.DomainValidated:
    """Evidence that is usable by the real clock too, for consumers take it as it is when they run."""
    facts = {
        "account_id": account_id, "occurred_at": NOW, "domain_id": 7001, "name": name, "method": "dns-txt-token",
        "authorization_domain": name, "evidence_id": new_id(), "observed_at": NOW,
        "usable_until": datetime.now(UTC) + timedelta(days=100),
    }  # fmt: skip
    return validation.DomainValidated.model_validate(facts | changes)


def not_found_yet(account_id: int, name: str, **changes: Any) -> validation.DomainValidationFailed:
    facts = {
        "account_id": account_id, "occurred_at": NOW, "domain_id": 7001, "name": name, "method": "dns-txt-token",
        "outcome": "ABSENT", "message": f"no TXT record at _dnsauth.{name} (NXDOMAIN)", "final": False, "checks": 3,
        "next_check_at": NOW + timedelta(minutes=1),
    }  # fmt: skip
    return validation.DomainValidationFailed.model_validate(facts | changes)


def authorized(account_id: int, order_id: int, names: tuple[str, ...], **changes: Any) -> validation.IssuanceAuthorized:
    facts = {
        "account_id": account_id, "occurred_at": NOW, "order": OrderRef(id=order_id), "names": names,
        "issue_before": datetime.now(UTC) + timedelta(hours=7),
    }  # fmt: skip
    return validation.IssuanceAuthorized.model_validate(facts | changes)


def denied(account_id: int, order_id: int, name: str, **changes: Any) -> validation.IssuanceDenied:
    facts = {
        "account_id": account_id, "occurred_at": NOW, "order": OrderRef(id=order_id),
        "refused": [{"name": name, "message": "the evidence is no longer usable"}],
    }  # fmt: skip
    return validation.IssuanceDenied.model_validate(facts | changes)
