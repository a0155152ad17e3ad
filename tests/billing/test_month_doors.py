"""The month by API, command and shell: subscriptions are set, months closed, and a slip is answered by a sentence."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.billing import cli
from services.billing.cli.months import Month
from services.billing.models import PeriodClose, PeriodTotal
from services.billing.rules import month_before, month_of
from services.billing.worker import close_month
from shared.events.billing import ClosePeriod, SetSubscription
from shared.events.orders import Division
from shared.service import Service
from tests.billing.book import assert_in_order
from tests.billing.makers import take_key
from tests.billing.months import ON_ACCOUNT, deposit, eur, order, terms
from tests.billing.shell import shell
from tests.billing.test_purchase_orders import call, code_of
from tests.billing.test_races import open_accounts, tell
from tests.conftest import World
from tests.makers import an_account, an_opened_account, an_order

FINANCE = "/services/v2/finance"
TODAY = datetime.now(UTC)
THIS = month_of(TODAY.date())
LAST = month_before(TODAY.date())
IN_LAST = LAST.start + timedelta(days=9)
SUBSCRIPTION = {
    "container_id": 14, "name": "pki", "description": "Managed PKI", "quantity": 2, "monthly_price": "100.00",
    "starts_on": f"{THIS.first}",
}  # fmt: skip


@pytest.fixture
async def market(shop: World) -> World:
    await shop.deliver("billing", an_opened_account())
    await take_key(shop, "key")
    await take_key(shop, "staff", role="operator", account_id=0, user_id=7, email="ops@ca.example")
    await terms(shop, IN_LAST, negative_limit=eur(200_000), monthly_billing=True)
    return shop


async def ask(world: World, method: str, path: str, key: str = "staff", **more: Any) -> Any:
    return await call(world, method, FINANCE + path, key, **more)


def month(day: date) -> str:
    return f"{day:%Y-%m}"


# ── subscriptions ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_staff_start_a_subscription_and_its_account_reads_it(market: World) -> None:
    made = await ask(market, "POST", "/subscription", json=SUBSCRIPTION)

    assert made.status_code == 201, made.text
    told = made.json()
    assert {name: told[name] for name in ("name", "status", "quantity", "monthly_price", "currency")} == {
        "name": "pki", "status": "active", "quantity": 2, "monthly_price": "100.00", "currency": "EUR",
    }  # fmt: skip
    assert told["charged_until"] == f"{THIS.last}"
    assert "ends_on" not in told
    listed = (await ask(market, "GET", "/subscription?filters[status]=active", "key")).json()
    assert (listed["subscriptions"], listed["page"]["total"]) == ([told], 1)
    assert (await ask(market, "GET", f"/subscription/{told['id']}", "key")).json() == told
    balance = (await ask(market, "GET", "/balance?container_id=14")).json()
    assert balance["unpaid_invoice_balance"] == "238.00"


async def test_a_subscription_is_changed_by_what_is_sent_and_then_ended(market: World) -> None:
    made = (await ask(market, "POST", "/subscription", json=SUBSCRIPTION)).json()
    path = f"/subscription/{made['id']}"

    raised = (await ask(market, "PUT", path, json={"monthly_price": "150.00"})).json()
    ended = (await ask(market, "PUT", path, json={"ends_on": f"{THIS.last}"})).json()
    again = (await ask(market, "PUT", path, json={"open_ended": True})).json()

    assert (raised["monthly_price"], raised["quantity"]) == ("150.00", 2)
    assert ended["ends_on"] == f"{THIS.last}"
    assert "ends_on" not in again
    await assert_in_order(market.billing.db)


@pytest.mark.parametrize("text", ["نمونه\u200cها", "क्\u200dष", "חברה בע\u05f4מ\u200f!", "\u200eAcme 12"])
async def test_marks_that_belong_to_the_writing_are_kept(market: World, text: str) -> None:
    answer = await ask(market, "POST", "/subscription", json=SUBSCRIPTION | {"name": text, "description": text})

    assert answer.status_code == 201, answer.text
    assert (answer.json()["name"], answer.json()["description"]) == (text, text)


async def test_the_same_request_sent_again_with_its_key_starts_one_subscription(market: World) -> None:
    sent = [
        await ask(market, "POST", "/subscription", json=SUBSCRIPTION, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]

    assert [one.status_code for one in sent] == [201, 201]
    assert sent[0].json() == sent[1].json()
    assert len(await market.rows("billing", "SELECT 1 FROM usage")) == 1


@pytest.mark.parametrize(
    ("wrong", "status", "says"),
    [
        ({"name": " "}, 400, "name has 1 to 64 characters"),
        ({"name": "a\nb"}, 400, "name is one line"),
        ({"name": "a\u202eb"}, 400, "name holds a hidden mark"),
        ({"description": "\u202bסלע"}, 400, "description holds a hidden mark"),
        ({"description": "x" * 201}, 400, "description has 1 to 200 characters"),
        ({"quantity": 0}, 400, "for 1 to 1,000,000"),
        ({"quantity": 1_000_001}, 400, "for 1 to 1,000,000"),
        ({"monthly_price": "-1.00"}, 400, "from 0 up"),
        ({"monthly_price": "1.001"}, 400, "decimals"),
        ({"monthly_price": "99999999999999"}, 400, "from 0 up"),
        ({"monthly_price": "ten"}, 400, "is no amount"),
        ({"currency": "USD"}, 400, "in EUR, not in USD"),
        ({"starts_on": "2020-01-31"}, 400, "is over"),
        ({"starts_on": "soon"}, 400, "starts_on"),
        ({"starts_on": "9999-12-31"}, 400, "runs between"),
        ({"ends_on": f"{THIS.first - timedelta(days=1)}"}, 400, "before it starts"),
        ({"ends_on": f"{THIS.first - timedelta(days=9)}"}, 400, "before it starts"),
        ({"container_id": 99}, 404, "no container 99"),
    ],
)
async def test_a_wrong_subscription_is_refused_with_a_sentence(
    market: World, wrong: dict[str, Any], status: int, says: str
) -> None:
    answer = await ask(market, "POST", "/subscription", json=SUBSCRIPTION | wrong)

    assert answer.status_code == status, answer.text
    assert says in answer.json()["errors"][0]["message"]
    assert await market.rows("billing", "SELECT 1 FROM subscription UNION ALL SELECT 1 FROM usage") == []


async def test_a_name_that_is_taken_is_refused_by_post_for_put_changes_it(market: World) -> None:
    await ask(market, "POST", "/subscription", json=SUBSCRIPTION)

    answer = await ask(market, "POST", "/subscription", json=SUBSCRIPTION | {"quantity": 5})

    assert (answer.status_code, code_of(answer)) == (409, "subscription_exists")


async def test_customers_set_no_subscription_and_see_no_others(market: World) -> None:
    other = an_opened_account(account=an_account(id=9002)).model_copy(update={"division": Division(id=15, name="Main")})
    await market.deliver("billing", other)
    await take_key(market, "other", account_id=9002)
    await take_key(market, "clerk", role="standard_user", user_id=3)
    made = (await ask(market, "POST", "/subscription", json=SUBSCRIPTION)).json()

    assert (await ask(market, "POST", "/subscription", "key", json=SUBSCRIPTION)).status_code == 403
    assert (await ask(market, "PUT", f"/subscription/{made['id']}", "key", json={"quantity": 1})).status_code == 403
    assert (await ask(market, "GET", f"/subscription/{made['id']}", "other")).status_code == 404
    assert (await ask(market, "GET", "/subscription", "other")).json()["subscriptions"] == []
    assert (await ask(market, "GET", "/subscription", "clerk")).status_code == 403


async def test_without_the_permission_there_is_no_subscription(market: World) -> None:
    await terms(market, IN_LAST, monthly_billing=False)

    answer = await ask(market, "POST", "/subscription", json=SUBSCRIPTION)

    assert (answer.status_code, code_of(answer)) == (403, "access_denied|monthly_billing")


async def test_a_command_sets_a_subscription_once_and_a_wrong_one_is_answered(market: World) -> None:
    def wish(**changed: Any) -> SetSubscription:
        given: dict[str, Any] = {
            "source": "erp", "account_id": 9001, "division_id": 14, "name": "pki", "description": "Managed PKI",
            "quantity": 2, "monthly_price": eur(10_000), "starts_on": THIS.first, "changed_by": "erp",
        }  # fmt: skip
        return SetSubscription(**given | changed)

    await market.deliver("billing", wish(), wish(), wish(quantity=3))
    await market.deliver("billing", wish(quantity=0))

    rows = await market.rows("billing", "SELECT quantity FROM subscription")
    assert [row.quantity for row in rows] == [3]
    charges = await market.rows("billing", "SELECT net FROM usage ORDER BY id")
    assert charges[0].net == 20_000
    assert len(charges) == 2
    [refused] = await market.said("billing", "command_refused")
    assert "1 to 1,000,000" in refused["message"]
    await assert_in_order(market.billing.db)


# ── the close ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def worked_off(world: World) -> None:
    while await close_month(world.billing.db, 30):
        pass


async def test_a_close_answers_at_once_and_then_tells_how_far_it_is(market: World) -> None:
    await order(market, IN_LAST, payment=ON_ACCOUNT)
    await order(market, IN_LAST)
    path = f"/period/{month(LAST.first)}"
    assert (await ask(market, "GET", path)).json() == {"period": month(LAST.first), "status": "open"}

    begun = await ask(market, "POST", f"{path}/close", headers={"Idempotency-Key": "anything"})
    assert (begun.status_code, begun.json()["status"]) == (202, "running")
    assert begun.json()["divisions"] == {"listed": 0, "done": 0, "parked": 0}
    await worked_off(market)

    told = (await ask(market, "GET", path)).json()
    assert (told["status"], told["started_by"]) == ("closed", "ops@ca.example")
    assert told["divisions"] == {"listed": 1, "done": 1, "parked": 0}
    assert told["invoices"] == [
        {"kind": "usage", "currency": "EUR", "count": 1, "total_amount": "177.31"},
        {"kind": "amount_owed", "currency": "EUR", "count": 1, "total_amount": "177.31"},
    ]
    again = await ask(market, "POST", f"{path}/close", headers={"Idempotency-Key": "anything"})
    assert (again.status_code, again.json()) == (200, told)
    listed = (await ask(market, "GET", "/period")).json()
    assert [one["period"] for one in listed["periods"]] == [month(LAST.first)]


@pytest.mark.parametrize(
    ("wanted", "status", "code", "says"),
    [
        (month(THIS.first), 400, "period_not_over", "is not over; close it from"),
        ("9998-12", 400, "period_not_over", "December 9998 is not over"),
        (month(month_before(LAST.first).first), 409, "before_book", "The book begins with"),
        ("1999-01", 409, "before_book", "nothing to close before it"),
        ("2026-13", 400, "bad_request_format", "is no month; send it like 2026-11"),
        ("2026-1", 400, "bad_request_format", "is no month"),
        ("0000-01", 400, "bad_request_format", "is no month"),
        ("9999-12", 400, "bad_request_format", "is no month"),
        ("november", 400, "bad_request_format", "is no month"),
        ("2026-11-01", 400, "bad_request_format", "is no month"),
    ],
)
async def test_a_month_that_cannot_be_closed_is_refused_with_a_sentence(
    market: World, wanted: str, status: int, code: str, says: str
) -> None:
    await deposit(market, 100, IN_LAST)

    answer = await ask(market, "POST", f"/period/{wanted}/close")

    assert (answer.status_code, code_of(answer)) == (status, code), answer.text
    assert says in answer.json()["errors"][0]["message"]
    assert await market.rows("billing", "SELECT 1 FROM period_close") == []


async def test_a_month_waits_for_the_one_before_it(market: World) -> None:
    before = month_before(LAST.first)
    await deposit(market, 100, before.start)

    early = await ask(market, "POST", f"/period/{month(LAST.first)}/close")
    await ask(market, "POST", f"/period/{month(before.first)}/close")
    running = await ask(market, "POST", f"/period/{month(LAST.first)}/close")
    await worked_off(market)
    late = await ask(market, "POST", f"/period/{month(LAST.first)}/close")

    assert (early.status_code, code_of(early)) == (409, "predecessor_open")
    assert f"{before} is still open" in early.text
    assert (running.status_code, code_of(running)) == (409, "predecessor_open")
    assert f"{before} is still being closed" in running.text
    assert late.status_code == 202


async def test_only_staff_close_and_look(market: World) -> None:
    for method, path in (("POST", f"/period/{month(LAST.first)}/close"), ("GET", f"/period/{month(LAST.first)}"),
                         ("GET", "/period")):  # fmt: skip
        assert (await ask(market, method, path, "key")).status_code == 403


async def test_a_command_closes_the_month_and_one_that_is_not_over_is_answered(market: World) -> None:
    await order(market, IN_LAST, payment=ON_ACCOUNT)

    def asked(period: str) -> ClosePeriod:
        return ClosePeriod(source="scheduler", period=period, closed_by="scheduler")

    await market.deliver("billing", asked(month(LAST.first)), asked(month(LAST.first)))
    await market.deliver("billing", asked(month(THIS.first)), asked("2026-13"))
    await worked_off(market)

    assert len(await market.rows("billing", "SELECT 1 FROM invoice WHERE kind = 'usage'")) == 1
    refused = await market.said("billing", "command_refused")
    assert [one["code"] for one in refused] == ["period_not_over", "bad_request_format"]


# ── the shell ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def with_last_month(service: Service) -> None:
    await open_accounts(service, 0)
    async with service.db.transaction() as tx:
        await tx.execute(text("UPDATE account SET monthly_billing = true"))
        await tx.execute(text("UPDATE funds SET unlimited = true"))
    for number in (9001, 9002, 9003):
        account, division = an_account(id=number), Division(id=number, name="Main")
        await tell(service, an_order(account=account, division=division, payment=ON_ACCOUNT))
    async with service.db.transaction() as tx:
        await tx.execute(text("UPDATE usage SET recorded_at = :at"), {"at": IN_LAST})
        await tx.execute(text("ALTER TABLE journal DISABLE TRIGGER append_only"))
        await tx.execute(text("UPDATE journal SET at = :at"), {"at": IN_LAST})
        await tx.execute(text("ALTER TABLE journal ENABLE TRIGGER append_only"))


async def test_the_shell_closes_a_month_with_progress_and_tells_what_it_came_to(alone: Service) -> None:
    await with_last_month(alone)

    status, out, err = await shell(alone, "close", month(LAST.first))

    assert status == 0, err
    assert f"{LAST} is closed: 3 of 3 divisions." in out
    assert "usage: 3 invoices, 531.93 EUR" in out
    assert "3 of 3 divisions" in err
    assert (await shell(alone, "close", month(LAST.first)))[:2] == (0, out)
    await assert_in_order(alone.db)


async def test_the_shell_fails_where_a_division_is_parked_and_where_a_month_cannot_be_closed(alone: Service) -> None:
    await with_last_month(alone)
    async with alone.db.transaction() as tx:
        await tx.execute(text("UPDATE account SET address = NULL WHERE id = 9001"))
        await tx.execute(text("UPDATE funds SET balance = -1, used_credit = used_credit + 1 WHERE division_id = 9001"))

    status, out, _ = await shell(alone, "close", month(LAST.first))
    refused = await shell(alone, "close", month(THIS.first))

    assert status == 1
    assert "2 of 3 divisions" in out
    assert "parked: account 9001, division 9001: The account has no billing address" in out
    assert (refused[0], refused[1]) == (1, "")
    assert f"{THIS} is not over" in refused[2]


async def test_the_shell_waits_for_what_another_worker_has_in_hand(alone: Service) -> None:
    await with_last_month(alone)
    said: list[str] = []

    async with asyncio.TaskGroup() as group:
        group.create_task(idle_then_work(alone))
        found = await cli.close(alone.db, month(LAST.first), "ops", TODAY, nothing, said.append)

    assert (found.close.done, found.parked) == (3, [])
    assert said


async def nothing() -> bool:
    return False


async def idle_then_work(service: Service) -> None:
    await asyncio.sleep(0.3)
    while await close_month(service.db, 30):
        pass


def test_one_invoice_is_said_to_be_one() -> None:
    close = PeriodClose(first_day=LAST.first, done=1, listed=1)
    totals = [PeriodTotal(kind="usage", currency="EUR", invoices=n, total=100) for n in (1, 2)]

    assert [*Month(close, totals, []).lines()][1:] == ["  usage: 1 invoice, 1.00 EUR", "  usage: 2 invoices, 1.00 EUR"]
