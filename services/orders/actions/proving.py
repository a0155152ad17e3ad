"""What people ask about the proof of an order's names; validation does it (contract 4.9)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.actions.timeline import note
from services.orders.models import CertificateOrder, OrderRequest, RequestName
from services.orders.rules.methods import WITHOUT_VALUE, dcv_method
from services.orders.rules.names import dns_name
from services.orders.rules.secrets import dcv_random_value
from shared.errors import Rejected
from shared.events.base import OrderRef
from shared.events.orders import SOURCE
from shared.events.validation import ChangeDcvMethod, CheckDomain, ReplaceRandomValue, ResendDcvEmails
from shared.outbox import announce


@dataclass(frozen=True, slots=True)
class MailAgain:
    """About which domain; to which of its addresses, nobody being all; `scope`: a domain above it."""

    domain: str
    emails: tuple[str, ...] = ()
    scope: str | None = None


def ask_for_check(
    tx: AsyncSession, order: CertificateOrder, names: Sequence[str], who: str, now: datetime
) -> Sequence[RequestName]:
    """Of all names that are not proven yet, or of those given. Where nothing is to be issued, nothing is looked at."""
    wanted = {dns_name(name) for name in names}
    known = {name.name: name for request in _issuing(order) for name in request.names}
    if known and (strange := sorted(wanted - known.keys())):
        raise Rejected(f"{strange[0]!r} is not on order {order.id}; give names of the order, or none for all.")
    asked = [name for name in known.values() if not wanted or name.name in wanted]
    for domain in _unproven(asked, now):
        check = CheckDomain(
            account_id=order.account_id, source=SOURCE, occurred_at=now, name=domain, asked_by=who[:255]
        )
        announce(tx, check)
    return asked


def change_dcv_method(tx: AsyncSession, order: CertificateOrder, wished: str, who: str, now: datetime) -> OrderRequest:
    """For every name that is not proven yet; what was to be published before is dead at once (LC3)."""
    method = dcv_method(wished)
    requests = _issuing(order)
    if not requests:
        raise Rejected(f"Order {order.id} is {order.status}; there is nothing to be proven.", "invalid_state")
    for request in requests:
        request.dcv_method = method
    for domain in _unproven((name for request in requests for name in request.names), now):
        change = ChangeDcvMethod(
            account_id=order.account_id, source=SOURCE, occurred_at=now, name=domain, dcv_method=method,
            changed_by=who[:255],
        )  # fmt: skip
        announce(tx, change)
    note(tx, order, now, "plain", f"Names are to be proven by {method}", who=who)
    return requests[-1]


def resend_emails(
    tx: AsyncSession, order: CertificateOrder, wished: Sequence[MailAgain], who: str, now: datetime
) -> None:
    """About every domain that waits for a mail to be confirmed, or those given."""
    waiting = {
        name.domain: name
        for request in _issuing(order)
        for name in request.names
        if name.record_type == "MAIL" and not name.is_proven(now)
    }
    asked = {dns_name(one.domain).removeprefix("*."): one for one in wished} or {
        domain: MailAgain(domain) for domain in waiting
    }
    if not waiting or (strange := sorted(asked.keys() - waiting.keys())):
        about = strange[0] if waiting else f"order {order.id}"
        raise Rejected(f"Nothing of {about} waits for a mail to be confirmed; nothing is sent.", "invalid_dcv_method")
    for domain, wish in asked.items():
        announce(tx, ResendDcvEmails(
            account_id=order.account_id, source=SOURCE, occurred_at=now, name=domain, emails=wish.emails,
            name_scope=wish.scope, asked_by=who[:255],
        ))  # fmt: skip


def replace_random_value(tx: AsyncSession, order: CertificateOrder, who: str, now: datetime) -> OrderRequest:
    """The value before is dead at once (TK3); validation says what is to be published now."""
    requests = [request for request in _issuing(order) if not all(name.is_proven(now) for name in request.names)]
    if not requests:
        raise Rejected(f"Order {order.id} is {order.status}; there is nothing to be proven.", "invalid_state")
    if method := next((one.dcv_method for one in requests if one.dcv_method in WITHOUT_VALUE), None):
        raise Rejected(f"The names are proven by {method}, which has no random value.", "invalid_dcv_method")
    for request in requests:
        before, request.dcv_random_value = request.dcv_random_value, dcv_random_value()
        announce(tx, ReplaceRandomValue(
            account_id=order.account_id, source=SOURCE, occurred_at=now, order=OrderRef(source=SOURCE, id=order.id),
            request_id=request.id, dcv_random_value=request.dcv_random_value, value_before=before,
        ))  # fmt: skip
    note(tx, order, now, "plain", "A new random value; the one before is of no more use", who=who)
    return requests[-1]


def _issuing(order: CertificateOrder) -> list[OrderRequest]:
    return [request for request in order.open_requests if request.issues]


def _unproven(names: Iterable[RequestName], now: datetime) -> list[str]:
    return list(dict.fromkeys(name.domain for name in names if not name.is_proven(now)))
