"""What a reissue or a duplicate may ask for, seen from the certificate it is about."""

from dataclasses import dataclass
from datetime import date

from services.orders.rules import validity
from services.orders.rules.csr import CheckedCsr, check_csr
from services.orders.rules.intake import signature_hash
from services.orders.rules.methods import dcv_method
from services.orders.rules.names import certificate_names, dns_name
from services.orders.rules.products import product
from services.orders.rules.validity import Span
from shared.errors import Rejected


@dataclass(frozen=True)
class ReissueWish:
    """What is left out stays as it is (contract 4.5)."""

    common_name: str | None = None
    dns_names: tuple[str, ...] = ()
    csr: str | None = None
    signature_hash: str | None = None
    server_platform_id: int | None = None
    cert_validity: Span | None = None
    dcv_method: str | None = None
    comments: str | None = None


@dataclass(frozen=True)
class Current:
    """The order's own certificate as it was asked for."""

    product_name_id: str
    names: tuple[str, ...]
    csr: str
    signature_hash: str
    server_platform_id: int | None
    dcv_method: str | None


@dataclass(frozen=True)
class CheckedReissue:
    names: tuple[str, ...]
    csr: CheckedCsr
    signature_hash: str
    server_platform_id: int | None
    cert_validity: Span | None
    dcv_method: str


def check_reissue(wish: ReissueWish, current: Current, today: date) -> CheckedReissue:
    common_name = wish.common_name or current.names[0]
    names = certificate_names(common_name, wish.dns_names or current.names, product(current.product_name_id))
    return _checked(wish, current, names, today)


def check_duplicate(wish: ReissueWish, current: Current, today: date) -> CheckedReissue:
    """A duplicate differs in key, validity, platform and hash only."""
    given = {dns_name(name) for name in (*wish.dns_names, wish.common_name or "") if name}
    if strange := sorted(given - set(current.names)):
        raise Rejected(
            f"A duplicate has the names of the order's certificate, and {strange[0][:80]!r} is none of them; "
            "reissue the order to change its names."
        )
    return _checked(wish, current, current.names, today)


def _checked(wish: ReissueWish, current: Current, names: tuple[str, ...], today: date) -> CheckedReissue:
    return CheckedReissue(
        names=names,
        csr=check_csr(wish.csr or current.csr),
        signature_hash=signature_hash(wish.signature_hash or current.signature_hash),
        server_platform_id=wish.server_platform_id or current.server_platform_id,
        cert_validity=validity.certificate_span(wish.cert_validity, today),
        dcv_method=dcv_method(wish.dcv_method or current.dcv_method),
    )


def added_names(
    names: tuple[str, ...], before: tuple[str, ...], fqdns_paid: int, wildcards_paid: int
) -> tuple[str, ...]:
    """Those beyond the count and kinds that were paid: of each kind as many as are too many, new ones before known."""
    wild = [name for name in names if name.startswith("*.")]
    plain = [name for name in names if not name.startswith("*.")]
    return (*_beyond(plain, before, fqdns_paid), *_beyond(wild, before, wildcards_paid))


def _beyond(names: list[str], before: tuple[str, ...], paid: int) -> list[str]:
    known_first = sorted(names, key=lambda name: name not in before)
    return known_first[paid:]
