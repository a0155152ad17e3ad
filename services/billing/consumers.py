from sqlalchemy.ext.asyncio import AsyncSession

from services.billing import actions
from services.billing.actions import PurchaseOrderWish, SubscriptionWish, Terms
from services.billing.queries import imports, prefetch
from services.billing.rules import month_named
from services.billing.rules.terms import SWITCHES
from shared.db import utcnow
from shared.door import Door
from shared.events.billing import (
    BillingCommandRefused,
    ClosePeriod,
    DecidePurchaseOrder,
    DepositFunds,
    ImportBalance,
    ImportInvoice,
    RecordPayment,
    SetSubscription,
    SetTerms,
    SubmitPurchaseOrder,
)
from shared.events.orders import (
    AccountChanged,
    AccountOpened,
    DivisionAdded,
    DivisionChanged,
    OrderCancelled,
    OrderNamesAdded,
    OrderPlaced,
    OrderRejected,
    ReissueCancelled,
)

door = Door("billing", refused=BillingCommandRefused)


@door.on(AccountOpened, prefetch=prefetch.for_account)
async def on_account_opened(event: AccountOpened, tx: AsyncSession) -> None:
    await actions.open_account(tx, event, tx.info["settings"].limits())


@door.on(AccountChanged, prefetch=prefetch.for_account)
async def on_account_changed(event: AccountChanged, tx: AsyncSession) -> None:
    await actions.change_account(tx, event)


@door.on(DivisionAdded, prefetch=prefetch.for_division)
async def on_division_added(event: DivisionAdded, tx: AsyncSession) -> None:
    await actions.add_division(tx, event)


@door.on(DivisionChanged, prefetch=prefetch.for_division)
async def on_division_changed(event: DivisionChanged, tx: AsyncSession) -> None:
    await actions.change_division(tx, event)


@door.on(OrderPlaced, prefetch=prefetch.for_placed)
async def on_order_placed(event: OrderPlaced, tx: AsyncSession) -> None:
    await actions.take_order(tx, event, utcnow())


@door.on(OrderCancelled, prefetch=prefetch.for_ended)
async def on_order_cancelled(event: OrderCancelled, tx: AsyncSession) -> None:
    await actions.end_order(tx, event, utcnow())


@door.on(OrderRejected, prefetch=prefetch.for_ended)
async def on_order_rejected(event: OrderRejected, tx: AsyncSession) -> None:
    await actions.end_order(tx, event, utcnow())


@door.on(OrderNamesAdded, prefetch=prefetch.for_added)
async def on_order_names_added(event: OrderNamesAdded, tx: AsyncSession) -> None:
    await actions.add_names(tx, event, utcnow())


@door.on(ReissueCancelled, prefetch=prefetch.for_reissues)
async def on_reissue_cancelled(event: ReissueCancelled, tx: AsyncSession) -> None:
    await actions.cancel_reissue(tx, event, utcnow())


@door.on(DepositFunds, prefetch=prefetch.for_deposit)
async def on_deposit_funds(event: DepositFunds, tx: AsyncSession) -> None:
    await actions.deposit_funds(
        tx, event.account_id, event.division_id, event.amount, event.method, event.reference, event.source, utcnow(),
        event.told_id,
    )  # fmt: skip


@door.on(RecordPayment, prefetch=prefetch.for_deposit)
async def on_record_payment(event: RecordPayment, tx: AsyncSession) -> None:
    await actions.record_payment(
        tx, event.account_id, event.amount, event.method, event.reference, event.bank_reference, event.source, utcnow(),
        event.told_id,
    )  # fmt: skip


@door.on(SubmitPurchaseOrder)
async def on_submit_purchase_order(event: SubmitPurchaseOrder, tx: AsyncSession) -> None:
    wish = PurchaseOrderWish(event.division_id, event.number, event.amount, event.note, event.contact)
    await actions.submit_purchase_order(tx, event.account_id, wish, event.submitted_by, utcnow(), event.told_id)


@door.on(DecidePurchaseOrder)
async def on_decide_purchase_order(event: DecidePurchaseOrder, tx: AsyncSession) -> None:
    await actions.decide_purchase_order(tx, event, tx.info["settings"].payment_days, utcnow())


@door.on(SetTerms)
async def on_set_terms(event: SetTerms, tx: AsyncSession) -> None:
    wish = Terms(
        negative_limit=event.negative_limit,
        unlimited=event.unlimited,
        payment_days=event.payment_days,
        default_payment_method=event.default_payment_method,
        low_funds=event.low_funds_threshold,
        low_funds_alert=event.low_funds_alert,
        **{name: getattr(event, name) for name in SWITCHES},
    )
    await actions.set_terms(tx, event.account_id, wish, event.changed_by, utcnow(), event.told_id)


@door.on(ImportInvoice, prefetch=imports.for_import)
async def on_import_invoice(event: ImportInvoice, tx: AsyncSession) -> None:
    await actions.import_invoice(tx, event.account_id, imports.old_invoice(event), utcnow(), event.told_id)


@door.on(ImportBalance, prefetch=imports.for_import)
async def on_import_balance(event: ImportBalance, tx: AsyncSession) -> None:
    await actions.import_balance(tx, event.account_id, imports.old_balance(event), event.source, utcnow())


@door.on(SetSubscription)
async def on_set_subscription(event: SetSubscription, tx: AsyncSession) -> None:
    wish = SubscriptionWish(
        event.division_id, event.name, event.description, event.quantity, event.monthly_price, event.starts_on,
        event.ends_on,
    )  # fmt: skip
    await actions.set_subscription(tx, event.account_id, wish, event.changed_by, utcnow())


@door.on(ClosePeriod)
async def on_close_period(event: ClosePeriod, tx: AsyncSession) -> None:
    await actions.close_period(tx, month_named(event.period).first, event.closed_by, utcnow())
