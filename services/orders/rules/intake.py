from dataclasses import dataclass
from datetime import date

from services.orders.rules import validity
from services.orders.rules.csr import CheckedCsr, check_csr
from services.orders.rules.methods import dcv_method
from services.orders.rules.names import certificate_names
from services.orders.rules.organizations import OrganizationWish
from services.orders.rules.products import SIGNATURE_HASHES, product
from services.orders.rules.validity import Span
from shared.errors import Rejected

# A transfer is no payment of an order: it waits for the money in the account's balance. Whether an account may buy on
# account is billing's to know: where it is not agreed, the order waits and says so.
_PAYMENT_METHODS = {"balance": "balance", "wire_transfer": "balance", "on_account": "on_account"}


@dataclass(frozen=True)
class Options:
    """What is asked for beside the certificate."""

    auto_renew: bool = False
    auto_reissue: bool = False
    disable_renewal_notifications: bool = False
    custom_renewal_message: str | None = None
    additional_emails: tuple[str, ...] = ()
    locale: str | None = None
    renewal_of_order_id: int | None = None
    custom_fields: tuple[tuple[int, str], ...] | None = None  # None where nobody can give any


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
    options: Options = Options()
    organization: OrganizationWish | None = None


@dataclass(frozen=True)
class Checked:
    """What the rules made of it: nothing in here needs another look."""

    names: tuple[str, ...]
    csr: CheckedCsr
    signature_hash: str
    term: Span
    cert_validity: Span | None
    payment_method: str
    dcv_method: str


def check(wish: Wish, default_payment_method: str, may_go_on_account: bool, today: date) -> Checked:
    ordered = product(wish.product_name_id)
    csr = check_csr(wish.csr)
    return Checked(
        names=certificate_names(wish.common_name, wish.dns_names, ordered),
        csr=csr,
        signature_hash=signature_hash(wish.signature_hash),
        term=validity.term(wish.term, today),
        cert_validity=validity.certificate_span(wish.cert_validity, today),
        payment_method=_payment_method(wish.payment_method or default_payment_method, may_go_on_account),
        dcv_method=dcv_method(wish.dcv_method),
    )


def signature_hash(wished: str) -> str:
    name = wished.strip().lower().replace("-", "")
    if name not in SIGNATURE_HASHES:
        raise Rejected(f'signature_hash "{wished[:40]}" is not offered; use {", ".join(SIGNATURE_HASHES)}.')
    return name


def _payment_method(wished: str, may_go_on_account: bool) -> str:
    method = _PAYMENT_METHODS.get(wished.strip().lower())
    if method and (method != "on_account" or may_go_on_account):
        return method
    raise Rejected(
        f'Payment method "{wished[:40]}" is not available; use "balance": the order is charged to the funds of '
        'its division, and waits while they do not suffice. Or use "on_account", where monthly billing is agreed.',
        "payment_method_not_available",
    )
