"""What lists of orders may be asked for: contract 2.7 and 4.3."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, exists, false, func, literal, or_, select, true
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import aliased

from services.orders.models import AppUser, Certificate, CertificateOrder, CustomValue, RequestName
from services.orders.models.names import LEXEMES
from services.orders.models.orders import STATES
from shared.access import Caller
from shared.errors import Rejected
from shared.listing import Listing, period

NUMBERS: dict[str, Any] = {
    "id": CertificateOrder.id,
    "certificate_id": CertificateOrder.certificate_id,
    "container_id": CertificateOrder.division_id,
    "user_id": CertificateOrder.user_id,
    "organization_id": CertificateOrder.organization_id,
    "account_id": CertificateOrder.account_id,
}
SORT_COLUMNS: dict[str, Any] = {
    "id": CertificateOrder.id,
    "date_created": CertificateOrder.placed_at,
    "common_name": CertificateOrder.common_name,
    "product_name_id": CertificateOrder.product_name_id,
    "valid_till": CertificateOrder.certificate_valid_till,
}
SPELLINGS = {"cancelled": "canceled", "needs_approval": "pending"}
TRUTHS = {"true": True, "1": True, "false": False, "0": False}
OURS = "certcentral"  # contract 4.3
ORIGINS = (OURS, "migrated")
LONGEST_NAME = 253
MOST_TEXTS = 10  # each is looked for in several ways


def visible(caller: Caller) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [true()]
    if not caller.is_operator:
        conditions.append(CertificateOrder.account_id == caller.account_id)
        if caller.divisions:
            conditions.append(CertificateOrder.division_id.in_(caller.divisions))
    if caller.role == "limited_user":
        conditions.append(CertificateOrder.user_id == caller.user_id)
    return and_(*conditions)


def conditions(caller: Caller, listing: Listing) -> Iterable[ColumnElement[bool]]:
    """All but `search`: see `found_by`."""
    for name, values in listing.filters.items():
        if name != "search":
            yield or_(*(_condition(caller, name, value) for value in values))


def found_by(caller: Caller, listing: Listing) -> Sequence[ColumnElement[bool]]:
    """The ways in which an order may fit what is searched for: each by its own index, which an OR would not use."""
    texts = listing.filters.get("search", ())
    if len(texts) > MOST_TEXTS:
        raise Rejected(f"Search for at most {MOST_TEXTS} texts at once.")
    return [way for text in texts for way in _ways(caller, text)] if texts else [true()]


def order_of(listing: Listing) -> Iterable[Any]:
    """The newest first unless told otherwise, by the date that is asked for; total in any case."""
    asked = [(name, True) for name in ("date_created", "valid_till") if name in listing.filters]
    for name, down in listing.sort or asked:
        yield SORT_COLUMNS[name].desc() if down else SORT_COLUMNS[name].asc()
    yield CertificateOrder.id.desc()


def state_of(value: str) -> str:
    state = SPELLINGS.get(value.lower(), value.lower())
    if state not in STATES:
        raise Rejected(f'There is no status "{value[:40]}"; use {", ".join(STATES)}.')
    return state


def number_of(name: str, value: str) -> int:
    if not _is_number(value):
        raise Rejected(f"filters[{name}] takes a number, not {value[:40]!r}.")
    return int(value)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10


def _condition(caller: Caller, name: str, value: str) -> ColumnElement[bool]:
    if name in NUMBERS:
        return by_number(NUMBERS[name], name, value)
    return MEANINGS[name](caller, value)


def _placed(_: Caller, value: str) -> ColumnElement[bool]:
    span = period("date_created", value)
    return _between(CertificateOrder.placed_at, span.start, span.end)


def _ending(_: Caller, value: str) -> ColumnElement[bool]:
    span = period("valid_till", value)
    return _between(CertificateOrder.certificate_valid_till, _day(span.start), _day(span.end))


def _silent(_: Caller, value: str) -> ColumnElement[bool]:
    silent: ColumnElement[bool] = CertificateOrder.__table__.c.disable_renewal_notifications
    return silent if truth_of("disable_renewal_notifications", value) else ~silent


def _renewed(caller: Caller, value: str) -> ColumnElement[bool]:
    if not truth_of("is_renewed", value):
        return ~exists(renewal(CertificateOrder.id))
    later = aliased(CertificateOrder)
    renewed = select(later.renewal_of_id).where(later.renewal_of_id.is_not(None), ~_given_up(later))
    return CertificateOrder.id.in_(renewed if caller.is_operator else renewed.where(_of_account(caller, later)))


def _of_account(caller: Caller, orders: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool] = orders.account_id == caller.account_id
    return found


def _requested_by(_: Caller, value: str) -> ColumnElement[bool]:
    """By their address of today, however it is written."""
    return CertificateOrder.user_id.in_(select(AppUser.id).where(func.lower(AppUser.email) == value.lower()))


def _from(_: Caller, value: str) -> ColumnElement[bool]:
    return true() if is_ours(value) else false()


def _saying(_: Caller, value: str) -> ColumnElement[bool]:
    number = number_of("metadata_id", value)
    return CertificateOrder.id.in_(select(CustomValue.order_id).where(CustomValue.metadata_id == number))


def is_ours(value: str) -> bool:
    """Whether this origin is that of the orders here: none was brought over from an older system."""
    if value.lower() not in ORIGINS:
        raise Rejected(f'There is no origin "{value[:40]}"; use {" or ".join(ORIGINS)}.')
    return value.lower() == OURS


def truth_of(name: str, value: str) -> bool:
    if value.lower() not in TRUTHS:
        raise Rejected(f"filters[{name}] takes true or false, not {value[:40]!r}.")
    return TRUTHS[value.lower()]


def renewal(order_id: Any) -> Any:
    """The order that renews this one, if it was not given up."""
    later = aliased(CertificateOrder)
    return select(later.id).where(later.renewal_of_id == order_id, ~_given_up(later))


def _given_up(order: Any) -> ColumnElement[bool]:
    return or_(order.rejected_at.is_not(None), order.cancelled_at.is_not(None))


def by_number(column: Any, name: str, value: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column == number_of(name, value)
    return found


def _ways(caller: Caller, written: str) -> Iterable[ColumnElement[bool]]:
    """The beginning of a name, of one of its labels or of the invoice's number, the end of a name, the number of an
    order, a serial number. With `%` exactly what it says of names."""
    text = written.strip("%").lower()
    if "%" in written:
        yield _of_names(_named(caller, written))
    else:
        yield _of_names(_named(caller, f"{text}%"))
        yield _of_names(_named(caller, f"%{text}"))
        if text and len(text) <= LONGEST_NAME and not set(text) & set(".'\\ :&|!()<>*"):
            yield _of_names(_labelled(caller, text))
    if _is_number(text):
        yield CertificateOrder.id == int(text)
    if text:
        yield _like(CertificateOrder.invoice_number, f"{text.upper().replace('%', '')}%")
        yield _with_serial(text)


def _of_names(names: Any) -> ColumnElement[bool]:
    return CertificateOrder.id.in_(names)


def _named(caller: Caller, value: str) -> Any:
    """The beginning of a name is found by the index of names, its end by the index of the same names turned round."""
    value = value.lower()
    if value.startswith("%") and "%" not in value[1:]:
        return _names(caller).where(_like(func.reverse(RequestName.name), value[::-1]))
    return _names(caller).where(_like(RequestName.name, value))


def _labelled(caller: Caller, text: str) -> Any:
    lexeme = text if caller.is_operator else f"{caller.account_id}/{text}"
    return _names(caller).where(LEXEMES.op("@@")(cast(literal(f"'{lexeme}':*", Text), TSQUERY)))


def _names(caller: Caller) -> Any:
    names = select(RequestName.order_id)
    return names if caller.is_operator else names.where(RequestName.account_id == caller.account_id)


def _with_serial(value: str) -> ColumnElement[bool]:
    serial = value.upper().replace(":", "")[:40].zfill(32)
    return CertificateOrder.id.in_(select(Certificate.order_id).where(Certificate.serial_number == serial))


def _like(column: Any, value: str) -> ColumnElement[bool]:
    """`%` is the one wildcard of the contract; an underscore is an underscore."""
    if "%" not in value:
        same: ColumnElement[bool] = column == value
        return same
    found: ColumnElement[bool] = column.like(value.replace("\\", "\\\\").replace("_", "\\_"))
    return found


def _day(moment: Any) -> Any:
    return moment and moment.date()


def _between(column: Any, start: date | None, end: date | None) -> ColumnElement[bool]:
    """From `start` on, before `end`; either may be open."""
    return and_(column >= start if start else true(), column < end if end else true())


MEANINGS: Mapping[str, Callable[[Caller, str], ColumnElement[bool]]] = {
    "common_name": lambda _, value: _like(CertificateOrder.common_name, value.lower()),
    "date_created": _placed,
    "disable_renewal_notifications": _silent,
    "domain_name": lambda caller, value: _of_names(_named(caller, value)),
    "email": _requested_by,
    "is_renewed": _renewed,
    "metadata_id": _saying,
    "origin": _from,
    "product_name_id": lambda _, value: _like(CertificateOrder.product_name_id, value.lower()),
    "serial_number": lambda _, value: _with_serial(value),
    "status": lambda _, value: CertificateOrder.state == state_of(value),
    "valid_till": _ending,
}
FILTERS = ("search", *MEANINGS, *NUMBERS)
