"""The four examples of View balance, reached by what really happens to an account, and asserted as JSON literally."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.billing import actions
from shared.events.base import Money
from shared.events.orders import Address, Division, DivisionAdded, Payment
from tests.billing.book import assert_in_order
from tests.billing.makers import take_key
from tests.billing.months import ON_ACCOUNT, close, order, terms
from tests.billing.test_histories import price_list
from tests.billing.test_purchase_orders import call
from tests.conftest import World
from tests.makers import an_account, an_opened_account

NOW, LATER = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 12, 1, 0, 5, tzinfo=UTC)
BALANCE = Payment(method="balance")
ACCOUNTS = {
    "USD": an_account(
        currency="USD",
        address=Address(line1="1 Main Street", postcode="84043", city="Lehi", region="UT", country="US"),
    ),
    "EUR": an_account(),
}
MAIN, LABS = Division(id=14, name="Main"), Division(id=15, name="Labs")


class Shop:
    """An account in one currency, with prices so that an order costs a round sum."""

    def __init__(self, world: World, currency: str) -> None:
        self.world, self.currency = world, currency

    async def open(self, **agreed: Any) -> None:
        added = DivisionAdded(occurred_at=NOW, account_id=9001, division=LABS)
        await self.world.deliver("billing", an_opened_account(account=ACCOUNTS[self.currency]), added)
        await take_key(self.world, "key")
        await terms(self.world, NOW, **agreed)

    def money(self, minor: int) -> Money:
        return Money(amount=minor, currency=self.currency)

    async def prices(self, **net: int) -> None:
        listed = price_list(date(2026, 1, 1), **net)
        for row in listed.price:
            row.currency = self.currency
        async with self.world.billing.db.transaction() as tx:
            await actions.load_catalogue(tx, listed, "tests", NOW)

    async def order(self, product: str, payment: Payment, division: Division = MAIN) -> None:
        account = ACCOUNTS[self.currency]
        await order(self.world, NOW, account=account, product_name_id=product, payment=payment, division=division)

    async def deposit(self, minor: int, division: int = 14) -> None:
        async with self.world.billing.db.transaction() as tx:
            given = (9001, division, self.money(minor), "wire_transfer", f"deposit {minor}", "bank", NOW)
            await actions.deposit_funds(tx, *given)

    async def balance(self, division: int = 14) -> dict[str, Any]:
        answer = await call(self.world, "GET", f"/services/v2/finance/balance?container_id={division}")
        found: dict[str, Any] = answer.json()
        return found


async def test_the_documented_limited_account(shop: World) -> None:
    usd = Shop(shop, "USD")
    await usd.open(negative_limit=usd.money(200_000))
    await usd.prices(cert=29_600)
    await usd.deposit(75_000)
    await usd.order("cert", BALANCE)

    assert await usd.balance() == {
        "balance": "454.00", "currency": "USD", "unpaid_invoice_balance": "0.00", "negative_balance_limit": "2000.00",
        "used_credit_from_other_containers": "0.00", "total_available_funds": "2454.00",
    }  # fmt: skip
    await assert_in_order(shop.billing.db)


async def test_the_documented_unlimited_account(shop: World) -> None:
    usd = Shop(shop, "USD")
    await usd.open(unlimited=True)
    await usd.prices(cert=100_070)
    await usd.order("cert", BALANCE)

    assert await usd.balance() == {
        "balance": "-1000.70", "currency": "USD", "unpaid_invoice_balance": "0.00",
        "used_credit_from_other_containers": "0.00", "unlimited_negative_balance": True,
    }  # fmt: skip
    await assert_in_order(shop.billing.db)


@pytest.mark.parametrize("closed", [False, True], ids=["before the month is closed", "after it"])
async def test_a_division_with_separate_funds_what_it_owes_and_what_the_other_uses(shop: World, closed: bool) -> None:
    usd = Shop(shop, "USD")
    await usd.open(negative_limit=usd.money(200_000), separate_funds=True, monthly_billing=True)
    await usd.prices(big=30_000, small=15_000)
    await usd.deposit(125_000)
    await usd.order("big", ON_ACCOUNT)
    await usd.order("small", BALANCE, LABS)
    if closed:
        await close(shop, date(2026, 11, 1), LATER)

    assert await usd.balance() == {
        "balance": "1250.00", "currency": "USD", "unpaid_invoice_balance": "300.00",
        "negative_balance_limit": "2000.00", "used_credit_from_other_containers": "150.00",
        "total_available_funds": "2800.00",
    }  # fmt: skip
    assert await usd.balance(15) == {
        "balance": "-150.00", "currency": "USD", "unpaid_invoice_balance": "0.00",
        "negative_balance_limit": "2000.00", "used_credit_from_other_containers": "0.00",
        "total_available_funds": "1850.00",
    }  # fmt: skip
    await assert_in_order(shop.billing.db)


@pytest.mark.parametrize("closed", [False, True], ids=["before the month is closed", "after it"])
async def test_an_unlimited_account_in_debt_that_also_owes_on_account(shop: World, closed: bool) -> None:
    eur = Shop(shop, "EUR")
    await eur.open(unlimited=True, monthly_billing=True)
    await eur.prices(charged=153_395, used=50_420)  # with 19 % VAT 1,825.40 and 600.00
    await eur.order("charged", BALANCE)
    await eur.order("used", ON_ACCOUNT)
    if closed:
        await close(shop, date(2026, 11, 1), LATER)

    assert await eur.balance() == {
        "balance": "-1825.40", "currency": "EUR", "unpaid_invoice_balance": "600.00",
        "used_credit_from_other_containers": "0.00", "unlimited_negative_balance": True,
    }  # fmt: skip
    await assert_in_order(shop.billing.db)
