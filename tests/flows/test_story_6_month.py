"""Story 6: orders on account are issued at once, and their month is invoiced, mailed and paid."""

import io
from datetime import timedelta

from pypdf import PdfReader
from sqlalchemy import text

from services.billing import actions
from services.billing.actions import Terms
from services.billing.rules import month_of
from services.billing.worker import close_month
from shared.db import utcnow
from tests.billing.book import assert_in_order
from tests.flows.conftest import COSTS, Town

FINANCE = "/services/v2/finance"


async def agree(town: Town) -> None:
    async with town.world.billing.db.transaction() as tx:
        wish = Terms(unlimited=True, monthly_billing=True)
        await actions.set_terms(tx, town.account, wish, "ops", utcnow())


async def close(town: Town) -> None:
    """The running month, as if it were over."""
    month, db = month_of(utcnow().date()), town.world.billing.db
    over = month.end + timedelta(minutes=5)
    async with db.transaction() as tx:
        await actions.close_period(tx, month.first, "ops", over)
    while await close_month(db, 30, lambda: over):
        pass
    async with db.transaction() as tx:
        await tx.execute(text("UPDATE document SET due_at = now()"))  # printed now, not when it is over


async def test_an_order_on_account_is_issued_at_once_and_stands_on_the_months_invoice(town: Town) -> None:
    await town.settle()
    await agree(town)
    await town.settle()
    orders = [await town.order(payment_method="on_account") for _ in range(2)]
    await town.settle()

    assert [(await town.shown(order))["status"] for order in orders] == ["issued", "issued"]
    said = [one["order"]["id"] for one in await town.said("billing", "order_on_account")]
    assert said == orders
    assert await town.said("billing", "invoice_issued") == []

    await close(town)
    await town.settle()

    [issued] = await town.said("billing", "invoice_issued")
    assert (issued["kind"], issued["total"]["amount"], issued["amount_due"]["amount"]) == (
        "usage", 2 * COSTS, 2 * COSTS,
    )  # fmt: skip
    async with town.client() as http:
        paper = await http.get(f"{FINANCE}/order/{orders[0]}/invoice/pdf")
    said_there = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(paper.content)).pages)
    for order in orders:
        assert f"Order {order}:" in said_there
    async with town.client("standard_user") as http:
        assert (await http.get(f"{FINANCE}/order/{orders[0]}/invoice/pdf")).status_code == 404
    await assert_in_order(town.world.billing.db)
