from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.custom_values import check_values, keep_values
from services.orders.actions.granting import grant
from services.orders.actions.organizations import organization_to_order_for
from services.orders.actions.requesting import (
    Placer,
    new_request,
    refuse_blocked,
    refuse_unsuited,
    tell_submitted,
    wish_certificate,
)
from services.orders.actions.timeline import note
from services.orders.models import NEW, CertificateOrder, Division, OrderRequest, Organization
from services.orders.rules import intake
from services.orders.rules.intake import Wish
from services.orders.rules.products import product, product_name
from services.orders.rules.validity import free_days
from shared.db import add, locked_or_none
from shared.errors import NotFound, Rejected
from shared.events import orders as facts
from shared.outbox import announce


async def place_order(
    tx: AsyncSession, wish: Wish, division: Division, by: Placer, now: datetime
) -> tuple[CertificateOrder, OrderRequest]:
    account = division.account
    division.require_product(wish.product_name_id)
    checked = intake.check(wish, account.default_payment_method, account.may_go_on_account, now.date())
    await refuse_blocked(tx, checked.csr)
    refuse_unsuited(tx, wish.product_name_id, checked.csr, checked.names)
    bonus_days = await _bonus(tx, wish, checked, division, now)
    organization = await _organization(tx, wish, division, by, now)
    given = wish.options.custom_fields
    fields = await check_values(tx, account.id, given) if given is not None else []
    order = await _new_order(tx, wish, checked, division, by, now)
    if fields:
        await tx.flush()  # the values refer to it, and nothing else orders them
        keep_values(tx, order.id, fields, given or ())
    order.bonus_days, order.organization = bonus_days, organization
    [request] = order.requests
    note(tx, order, now, "good", f"Placed: {product_name(order.product_name_id)}", who=by.who)
    announce(tx, _order_placed(order, request, division, by.causation_id))
    tell_submitted(tx, request, needs_approval=not by.approves)
    if order.organization and not order.is_vetted(now):
        sentence = f"Waits for the validation of {order.organization.name}; our staff look at it"
        note(tx, order, now, "wait", sentence)
    if by.approves:
        grant(tx, request, by.who, now)
    else:
        note(tx, order, now, "wait", "Waits for the approval of a manager or administrator of the account")
    return order, request


async def _organization(
    tx: AsyncSession, wish: Wish, division: Division, by: Placer, now: datetime
) -> Organization | None:
    """Domain-validated products have none, whatever is sent with them."""
    level = product(wish.product_name_id).level
    return await organization_to_order_for(tx, division, wish.organization, level, by, now) if level else None


async def _new_order(
    tx: AsyncSession, wish: Wish, checked: intake.Checked, division: Division, by: Placer, now: datetime
) -> CertificateOrder:
    order_id = await queries.take_id(tx, CertificateOrder)
    request = await new_request(tx, NEW, division.account_id, order_id, wish.comments, by, now)
    wish_certificate(request, checked, wish.server_platform_id)
    order = CertificateOrder(
        id=order_id,
        account_id=division.account_id,
        division_id=division.id,
        user_id=by.user_id,
        product_name_id=wish.product_name_id,
        term_years=checked.term.years,
        term_days=checked.term.days,
        term_ends_on=checked.term.ends_on,
        request_id=request.id,
        common_name=request.common_name,
        payment_method=checked.payment_method,
        purchase_order_number=wish.purchase_order_number,
        placed_at=now,
        placed_by=by.who,
        status_changed_at=now,
        requests=[request],
        bonus_days=0,
        **_paid(checked.names),
        **_options(wish.options),
    )
    return add(tx, order)


def _paid(names: tuple[str, ...]) -> dict[str, int]:
    wildcards = sum(name.startswith("*.") for name in names)
    return {"fqdns_paid": len(names) - wildcards, "wildcards_paid": wildcards}


def _options(options: intake.Options) -> dict[str, Any]:
    return {
        "auto_renew": options.auto_renew,
        "auto_reissue": options.auto_reissue,
        "disable_renewal_notifications": options.disable_renewal_notifications,
        "custom_renewal_message": options.custom_renewal_message,
        "additional_emails": list(options.additional_emails),
        "locale": options.locale,
        "renewal_of_id": options.renewal_of_order_id,
    }


async def _bonus(tx: AsyncSession, wish: Wish, checked: intake.Checked, division: Division, now: datetime) -> int:
    """What is left of the order that this one renews, 30 days at most. The lock on it lets one renewal through."""
    renewed_id = wish.options.renewal_of_order_id
    if renewed_id is None:
        return 0
    renewed = await locked_or_none(tx, CertificateOrder, renewed_id)
    if renewed is None or renewed.account_id != division.account_id:
        raise NotFound(f"There is no order {renewed_id} in this account to renew.", "not_found|order")
    if renewed.issued_at is None:
        raise Rejected(f"Order {renewed_id} is {renewed.status}; only an issued order can be renewed.", "invalid_state")
    if earlier := await queries.renewal_of(tx, renewed_id):
        raise Rejected(f"Order {renewed_id} is renewed already, by order {earlier}.", "invalid_state")
    return free_days(checked.term, renewed.ends_on(now.date()), now.date())


def _order_placed(
    order: CertificateOrder, request: OrderRequest, division: Division, causation_id: str | None
) -> facts.OrderPlaced:
    return facts.OrderPlaced(
        account_id=order.account_id,
        occurred_at=order.placed_at,
        causation_id=causation_id,
        account=division.account.as_fact(),
        division=division.as_fact(),
        order_id=order.id,
        product_name_id=order.product_name_id,
        term=_term(order),
        names=request.dns_names,
        organization=order.organization.as_fact() if order.organization else None,
        payment=facts.Payment.model_validate(
            {"method": order.payment_method, "purchase_order_number": order.purchase_order_number}
        ),
        dcv_method=request.dcv_method,
        dcv_random_value=request.dcv_random_value,
        request_id=request.id,
        additional_emails=tuple(order.additional_emails),
        placed_by=order.placed_by[:255],
        placed_by_user=order.user_id,
        placed_at=order.placed_at,
    )


def _term(order: CertificateOrder) -> facts.Term:
    """A last day is told as the days up to it: a price depends on the length."""
    if order.term_years:
        return facts.Term(years=order.term_years)
    return facts.Term(days=order.term.in_days(order.placed_at.date()))
