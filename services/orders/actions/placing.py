from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.timeline import note
from services.orders.models import CertificateOrder, Division, OrderName, OrderRequest
from services.orders.rules import intake
from services.orders.rules.intake import Wish
from services.orders.rules.products import product_name
from services.orders.rules.secrets import dcv_random_value
from services.orders.rules.validity import Span
from shared.db import add, append
from shared.events import orders as facts
from shared.outbox import announce


@dataclass(frozen=True)
class Placer:
    who: str
    user_id: int | None = None
    approves: bool = False  # the order needs nobody else's approval
    causation_id: str | None = None


async def place_order(
    tx: AsyncSession, wish: Wish, division: Division, by: Placer, now: datetime
) -> tuple[CertificateOrder, int]:
    """The order and the number of its request."""
    checked = intake.check(wish, division.account.default_payment_method, now.date())
    order = add(tx, _new_order(await queries.take_id(tx, CertificateOrder), wish, checked, division, by, now))
    request_id = await queries.take_id(tx, OrderRequest)
    append(tx, OrderRequest, id=request_id, order_id=order.id, type="new_request", requested_at=now)
    note(tx, order, now, "good", f"Placed: {product_name(order.product_name_id)}", who=by.who)
    announce(tx, _order_placed(order, division, by.causation_id))
    if by.approves:
        approve_placed(tx, order, by.who, now)
    else:
        note(tx, order, now, "wait", "Waits for the approval of a manager or administrator of the account")
    return order, request_id


def approve_placed(tx: AsyncSession, order: CertificateOrder, who: str, now: datetime) -> bool:
    if not order.approve(who, now):
        return False
    note(tx, order, now, "good", "Approved", who=who)
    announce(
        tx, facts.OrderApproved(account_id=order.account_id, order_id=order.id, approved_by=who[:255], occurred_at=now)
    )
    return True


def _new_order(
    order_id: int, wish: Wish, checked: intake.Checked, division: Division, by: Placer, now: datetime
) -> CertificateOrder:
    validity = checked.cert_validity or Span()
    return CertificateOrder(
        id=order_id,
        account_id=division.account_id,
        division_id=division.id,
        user_id=by.user_id,
        product_name_id=wish.product_name_id,
        term_years=checked.term.years,
        term_days=checked.term.days,
        term_ends_on=checked.term.ends_on,
        certificate_days=validity.days,
        certificate_ends_on=validity.ends_on,
        common_name=checked.names[0],
        csr=checked.csr,
        key=checked.key,
        signature_hash=checked.signature_hash,
        server_platform_id=wish.server_platform_id,
        payment_method=checked.payment_method,
        purchase_order_number=wish.purchase_order_number,
        dcv_method=checked.dcv_method,
        dcv_random_value=dcv_random_value(),
        comments=wish.comments,
        placed_at=now,
        placed_by=by.who,
        names=[_new_name(order_id, position, name) for position, name in enumerate(checked.names)],
    )


def _new_name(order_id: int, position: int, name: str) -> OrderName:
    return OrderName(
        order_id=order_id,
        name=name,
        position=position,
        domain=name.removeprefix("*."),
        test_mode=False,
        failure_final=False,
        checks=0,
    )


def _order_placed(order: CertificateOrder, division: Division, causation_id: str | None) -> facts.OrderPlaced:
    return facts.OrderPlaced(
        account_id=order.account_id,
        occurred_at=order.placed_at,
        causation_id=causation_id,
        account=division.account.as_fact(),
        division=division.as_fact(),
        order_id=order.id,
        product_name_id=order.product_name_id,
        term=_term(order),
        names=order.dns_names,
        payment=facts.Payment.model_validate(
            {"method": order.payment_method, "purchase_order_number": order.purchase_order_number}
        ),
        dcv_method=order.dcv_method,
        dcv_random_value=order.dcv_random_value,
        placed_by=order.placed_by[:255],
        placed_by_user=order.user_id,
        placed_at=order.placed_at,
    )


def _term(order: CertificateOrder) -> facts.Term:
    """A last day is told as the days up to it: a price depends on the length."""
    if order.term_years:
        return facts.Term(years=order.term_years)
    return facts.Term(days=order.term.in_days(order.placed_at.date()))
