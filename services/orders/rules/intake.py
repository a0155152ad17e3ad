from dataclasses import dataclass
from datetime import date

from services.orders.rules import validity
from services.orders.rules.csr import check_csr
from services.orders.rules.names import certificate_names
from services.orders.rules.products import SIGNATURE_HASHES, product
from services.orders.rules.validity import Span
from shared.errors import Rejected

DNS_TXT = "dns-txt-token"
# A transfer is no payment of an order: it waits for the money in the account's balance.
_PAYMENT_METHODS = {"balance": "balance", "wire_transfer": "balance"}


@dataclass(frozen=True)
class Wish:
    """An order as it was asked for, by HTTP or command alike."""

    product_name_id: str
    common_name: str
    dns_names: tuple[str, ...]
    csr: str
    signature_hash: str = "sha256"
    term: Span | None = None
    cert_validity: Span | None = None
    payment_method: str | None = None
    purchase_order_number: str | None = None
    dcv_method: str | None = None
    comments: str | None = None
    server_platform_id: int | None = None


@dataclass(frozen=True)
class Checked:
    """What the rules made of it: nothing in here needs another look."""

    names: tuple[str, ...]
    csr: str
    key: str
    signature_hash: str
    term: Span
    cert_validity: Span | None
    payment_method: str
    dcv_method: str


def check(wish: Wish, default_payment_method: str, today: date) -> Checked:
    ordered = product(wish.product_name_id)
    csr = check_csr(wish.csr)
    return Checked(
        names=certificate_names(wish.common_name, wish.dns_names, ordered),
        csr=csr.pem,
        key=csr.key,
        signature_hash=_signature_hash(wish.signature_hash),
        term=validity.term(wish.term, today),
        cert_validity=validity.certificate_span(wish.cert_validity, today),
        payment_method=_payment_method(wish.payment_method or default_payment_method),
        dcv_method=_dcv_method(wish.dcv_method),
    )


def _signature_hash(wished: str) -> str:
    name = wished.strip().lower().replace("-", "")
    if name not in SIGNATURE_HASHES:
        raise Rejected(f'signature_hash "{wished[:40]}" is not offered; use {", ".join(SIGNATURE_HASHES)}.')
    return name


def _payment_method(wished: str) -> str:
    if method := _PAYMENT_METHODS.get(wished.strip().lower()):
        return method
    raise Rejected(
        f'Payment method "{wished[:40]}" is not available; use "balance": the order is charged to the funds of '
        "its division, and waits while they do not suffice.",
        "payment_method_not_available",
    )


def _dcv_method(wished: str | None) -> str:
    if wished is None or wished.strip().lower() == DNS_TXT:
        return DNS_TXT
    raise Rejected(f'dcv_method "{wished[:40]}" is not offered; leave it out or use "{DNS_TXT}".', "invalid_dcv_method")
