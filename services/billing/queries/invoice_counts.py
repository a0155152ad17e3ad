"""How many invoices there are, of a kind or a status: from the counts that are kept, and of what is open or credited
from an index that has these alone."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, select

from services.billing.models import CreditNote, Division, InvoiceCount, Receivable
from services.billing.queries.documents import FINANCE
from services.billing.queries.filters import KINDS, STATUSES, number_of, one_of
from shared.access import SERVICE, Caller
from shared.listing import Listing

WHERE = ("account_id", "container_id")
OPEN: dict[str, Any] = {
    "open": Receivable.is_open,
    "partially_paid": and_(Receivable.is_open, Receivable.paid > 0),
    "overdue": and_(Receivable.is_open, Receivable.due_on < func.current_date()),
}


def kept_count(caller: Caller, listing: Listing) -> Any:
    """A query, or None where the rows must be counted one by one."""
    further = set(listing.filters).difference(WHERE)
    if caller.role not in (*FINANCE, SERVICE) or further not in (set(), {"kind"}, {"status"}):
        return None
    if "status" in further:
        return select(_of_statuses(caller, listing, set(_lowered("status", listing, tuple(STATUSES)))))
    return select(_of_kinds(caller, listing, list(_lowered("kind", listing, KINDS))))


def _lowered(name: str, listing: Listing, known: tuple[str, ...]) -> Iterable[str]:
    return (one_of(name, value.lower(), known) for value in listing.filters.get(name, ()))


def _of_kinds(caller: Caller, listing: Listing, kinds: list[str]) -> Any:
    query = select(func.coalesce(func.sum(InvoiceCount.n), 0)).join(Division, Division.id == InvoiceCount.division_id)
    query = query.where(*_within(caller, listing, Division.account_id, Division.id))
    return (query.where(InvoiceCount.kind.in_(kinds)) if kinds else query).scalar_subquery()


def _of_statuses(caller: Caller, listing: Listing, statuses: set[str]) -> Any:
    """What is not open and not credited has been paid."""
    credited = _of(CreditNote, caller, listing, [CreditNote.exhausts])
    parts = [_of(Receivable, caller, listing, [OPEN[one] for one in OPEN if one in statuses])]
    if "credited" in statuses:
        parts.append(credited)
    if "paid" in statuses:
        parts.append(_of_kinds(caller, listing, []) - _of(Receivable, caller, listing, [Receivable.is_open]) - credited)
    return sum(parts[1:], parts[0])


def _of(model: Any, caller: Caller, listing: Listing, any_of: Sequence[Any]) -> Any:
    query = select(func.count()).select_from(model).where(or_(false(), *any_of))
    return query.where(*_within(caller, listing, model.account_id, model.division_id)).scalar_subquery()


def _within(caller: Caller, listing: Listing, account: Any, division: Any) -> Iterable[ColumnElement[bool]]:
    """What may_see says of invoices, and what is asked for."""
    if not (caller.is_operator or caller.role == SERVICE):
        yield account == caller.account_id
        if caller.divisions:
            yield division.in_(caller.divisions)
    for name, column in zip(WHERE, (account, division), strict=True):
        if name in listing.filters:
            yield column.in_([number_of(name, value) for value in listing.filters[name]])
