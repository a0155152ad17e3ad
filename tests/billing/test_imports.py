"""Importing counts once, by command and by API; what cannot be taken is refused with a sentence."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing import actions
from services.billing.models import Invoice
from services.billing.queries.filters import conditions, found_by
from services.billing.queries.imports import IMPORTED
from shared.db import POSTGRESQL, utcnow
from shared.errors import Conflict, DomainError, NotFound, Rejected
from shared.events.base import Money
from shared.events.billing import ImportBalance, ImportInvoice
from shared.events.orders import Division, DivisionAdded
from shared.listing import Listing
from shared.service import Service
from tests.billing.book import assert_in_order
from tests.billing.imports import (
    BALANCE,
    INVOICE,
    an_old_balance,
    an_old_invoice,
    ask,
    bring_balance,
    bring_invoice,
    read,
)
from tests.billing.makers import take_key
from tests.billing.months import STAFF, eur, standing, terms
from tests.bus import as_record
from tests.conftest import World
from tests.makers import NOW, YEAR, an_account, an_opened_account

LABS, OTHER = Division(id=16, name="Labs"), Division(id=15, name="Globex")
TOMORROW = utcnow().date() + timedelta(days=1)
COUNTS = "SELECT (SELECT count(*) FROM invoice) AS invoices, (SELECT count(*) FROM opening_balance) AS balances"


@pytest.fixture
async def market(shop: World) -> World:
    globex = an_opened_account(account=an_account(id=9002, name="Globex")).model_copy(update={"division": OTHER})
    labs = DivisionAdded(occurred_at=NOW, account_id=9001, division=LABS)
    await shop.deliver("billing", an_opened_account(), labs, globex)
    await take_key(shop, "key")
    await take_key(shop, "staff", role="operator", account_id=0, user_id=7, email=STAFF)
    return shop


async def counts(world: World) -> tuple[int, int]:
    [row] = await world.rows("billing", COUNTS)
    return row.invoices, row.balances


# ── by the API ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_staff_import_an_invoice_and_it_gets_a_new_number(market: World) -> None:
    answer = await ask(market, "invoice", INVOICE | {"paid": "250.00"})

    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert told["invoice_number"].endswith(f"-{YEAR}-000001")
    assert (told["legacy_number"], "already_imported" in told) == ("R-2025-0817", False)
    shown = (await read(market, f"/invoice/{told['id']}")).json()
    assert (shown["kind"], shown["status"], shown["tax_amount"]) == ("purchase_order", "partially_paid", "0.00")
    assert (shown["total_amount"], shown["paid_amount"], shown["amount_due"]) == ("1000.00", "250.00", "750.00")
    assert (shown["po_number"], shown["date_due"], shown["overdue"]) == ("PO-77812", "2025-09-16", True)
    [said] = await market.said("billing", "invoice_issued")
    assert (said["legacy_source"], said["legacy_number"]) == ("oldbill", "R-2025-0817")
    assert said["amount_due"]["amount"] == 75_000
    assert await market.rows("billing", "SELECT 1 FROM posting") == []  # that money is in the opening balance
    await assert_in_order(market.billing.db)


async def test_the_same_again_is_answered_with_the_same_invoice(market: World) -> None:
    first, again = await ask(market, "invoice", INVOICE), await ask(market, "invoice", INVOICE)

    assert again.status_code == 201
    assert again.json() == first.json() | {"already_imported": True}
    assert len(await market.said("billing", "invoice_issued")) == 1
    assert len(await market.rows("billing", "SELECT 1 FROM audit_log WHERE what = 'invoice imported'")) == 1


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"amount": "1000.01"}, "another amount"),
        ({"paid": "1.00"}, "another amount paid before"),
        ({"po_number": "PO-1", "due_on": "2025-09-17"}, "another due date and another PO number"),
        ({"issued_on": "2025-08-16"}, "another date of issue"),
        ({"container_id": 16}, "another division"),
        ({"container_id": 15}, "another division"),
        ({"note": "Hello"}, "another note"),
    ],
)
async def test_the_same_old_number_with_other_content_is_refused(
    market: World, changed: dict[str, Any], says: str
) -> None:
    await ask(market, "invoice", INVOICE)

    answer = await ask(market, "invoice", INVOICE | changed)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "imported_otherwise")
    assert says in answer.json()["errors"][0]["message"]
    assert await counts(market) == (1, 0)


async def test_another_source_may_have_used_the_same_number(market: World) -> None:
    await ask(market, "invoice", INVOICE)

    assert (await ask(market, "invoice", INVOICE | {"legacy_source": "olderbill"})).status_code == 201

    assert await counts(market) == (2, 0)


async def test_a_balance_is_imported_once_and_another_amount_is_refused(market: World) -> None:
    first, again = await ask(market, "balance", BALANCE), await ask(market, "balance", BALANCE)

    assert first.json() == {"container_id": 14, "amount": "-600.00", "currency": "EUR", "as_of": "2025-12-31"}
    assert again.json() == first.json() | {"already_imported": True}
    assert (await standing(market))[0] == "-600.00"
    other = await ask(market, "balance", BALANCE | {"amount": "-500.00"})
    assert (other.status_code, other.json()["errors"][0]["code"]) == (409, "imported_otherwise")
    assert "division 14 from oldbill was imported before with another amount" in other.json()["errors"][0]["message"]
    assert (await standing(market))[0] == "-600.00"
    await assert_in_order(market.billing.db)


async def test_divisions_that_share_their_funds_each_bring_theirs(market: World) -> None:
    await ask(market, "balance", BALANCE)
    await ask(market, "balance", BALANCE | {"container_id": 16, "amount": "250.00"})

    assert (await standing(market))[0] == (await standing(market, 16))[0] == "-350.00"
    await take_key(market, "labs", role="finance_manager", divisions=(16,), user_id=4)
    rows = (await read(market, "/balance-history", "labs", container_id=16)).json()["adjustments"]
    assert [row["note"] for row in rows] == [
        "Balance of Labs on 2025-12-31 from oldbill",
        "Of another division that shares these funds",
    ]
    await assert_in_order(market.billing.db)


async def test_where_funds_are_separate_a_balance_is_the_divisions_own(market: World) -> None:
    await terms(market, utcnow(), negative_limit=eur(100_000), separate_funds=True)

    await ask(market, "balance", BALANCE | {"container_id": 16})

    assert await standing(market) == ("0.00", "0.00", "400.00")
    assert (await standing(market, 16))[0] == "-600.00"
    await assert_in_order(market.billing.db)


async def test_the_same_idempotency_key_imports_once(market: World) -> None:
    first = await ask(market, "invoice", INVOICE, **{"Idempotency-Key": "a"})
    again = await ask(market, "invoice", INVOICE, **{"Idempotency-Key": "a"})
    other = await ask(market, "invoice", INVOICE | {"amount": "5.00"}, **{"Idempotency-Key": "a"})

    assert first.json() == again.json()
    assert other.json()["errors"][0]["code"] == "idempotency_key_reused"
    assert await counts(market) == (1, 0)


@pytest.mark.parametrize("path", ["invoice", "balance"])
async def test_only_staff_import(market: World, path: str) -> None:
    body = INVOICE if path == "invoice" else BALANCE

    assert (await ask(market, path, body, "key")).status_code == 403
    assert await counts(market) == (0, 0)


WRONG_INVOICES: list[tuple[dict[str, Any], str]] = [
    ({"amount": "0"}, "more than 0"),
    ({"amount": "-5.00"}, "more than 0"),
    ({"amount": "5.001"}, "more decimals"),
    ({"amount": "1.234,56"}, "no amount; send digits with a decimal point"),
    ({"amount": "9" * 16}, "more than can be booked"),
    ({"currency": "USD"}, "keeps its book in EUR"),
    ({"currency": "XXY"}, "no ISO 4217"),
    ({"paid": "1000.01"}, "cannot have been paid of 1000.00 EUR"),
    ({"paid": "-1"}, "cannot have been paid"),
    ({"legacy_number": ""}, "old number is missing"),
    ({"legacy_number": "R" * 65}, "1 to 64 characters"),
    ({"legacy_number": "R\n1"}, "one line"),
    ({"legacy_number": "R-\u200f1"}, "old number is one line of characters that can be seen"),
    ({"legacy_number": "R "}, "begins and ends with no space"),
    ({"legacy_source": ""}, "source is missing"),
    ({"po_number": " "}, "PO number is missing"),
    ({"po_number": "7" * 65}, "1 to 64 characters"),
    ({"note": "n" * 501}, "1 to 500 characters"),
    ({"note": "a\u0000b"}, "can be printed"),
    ({"issued_on": TOMORROW.isoformat(), "due_on": TOMORROW.isoformat()}, "is to come"),
    ({"due_on": "2025-08-16"}, "before it was issued"),
    ({"due_on": "16.09.2025"}, "due_on"),
    ({"container_id": 999}, "no container 999"),
]


@pytest.mark.parametrize(("changed", "says"), WRONG_INVOICES)
async def test_a_wrong_invoice_is_refused_and_nothing_is_written(
    market: World, changed: dict[str, Any], says: str
) -> None:
    answer = await ask(market, "invoice", INVOICE | changed)

    assert answer.status_code in (400, 404), answer.text
    assert says in answer.json()["errors"][0]["message"]
    assert await counts(market) == (0, 0)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"amount": "0.00"}, "A balance of 0 needs no import"),
        ({"amount": "-5.001"}, "more decimals"),
        ({"amount": "-" + "9" * 16}, "more than can be booked"),
        ({"currency": "USD"}, "keeps its book in EUR"),
        ({"legacy_source": " "}, "source is missing"),
        ({"as_of": TOMORROW.isoformat()}, "is to come"),
        ({"as_of": "yesterday"}, "as_of"),
        ({"container_id": 999}, "no container 999"),
    ],
)
async def test_a_wrong_balance_is_refused_and_nothing_is_written(
    market: World, changed: dict[str, Any], says: str
) -> None:
    answer = await ask(market, "balance", BALANCE | changed)

    assert answer.status_code in (400, 404), answer.text
    assert says in answer.json()["errors"][0]["message"]
    assert await counts(market) == (0, 0)


async def test_without_an_address_an_invoice_is_not_imported_and_a_balance_is(shop: World) -> None:
    await shop.deliver("billing", an_opened_account(account=an_account(address=None)))

    with pytest.raises(Rejected, match="no billing address"):
        await bring_invoice(shop.billing.db, an_old_invoice())

    assert (await bring_balance(shop.billing.db, an_old_balance())).is_new


async def test_what_was_paid_in_another_currency_is_refused(market: World) -> None:
    paid = Money(amount=100, currency="USD")

    with pytest.raises(Rejected, match="What was paid is in USD"):
        await bring_invoice(market.billing.db, an_old_invoice(paid=paid))


async def test_a_division_of_another_account_is_not_found(market: World) -> None:
    with pytest.raises(NotFound, match="no division 15 in account 9001"):
        await bring_invoice(market.billing.db, an_old_invoice(division_id=15))


# ── by commands ──────────────────────────────────────────────────────────────────────────────────────────────────────

ABOUT: dict[str, Any] = {"source": "erp", "account_id": 9001, "division_id": 14, "legacy_source": "oldbill"}


def a_command(**changed: Any) -> ImportInvoice:
    given = {"legacy_number": "R-1", "issued_on": date(2025, 8, 17), "due_on": date(2025, 9, 16), "po_number": "PO-1"}
    return ImportInvoice(**ABOUT | given | {"amount": eur(100_000)} | changed)


async def test_commands_import_like_the_api_and_twice_in_one_chunk_is_once(market: World) -> None:
    wish = a_command()
    owed = [ImportBalance(**ABOUT, amount=eur(-60_000), as_of=date(2025, 12, 31)) for _ in range(2)]

    await market.deliver("billing", wish, a_command(), *owed)
    await market.deliver("billing", a_command())

    assert await counts(market) == (1, 1)
    [said] = await market.said("billing", "invoice_issued")
    assert (said["causation_id"], said["legacy_number"]) == (str(wish.id), "R-1")
    assert await market.said("billing", "command_refused") == []
    assert (await standing(market))[0] == "-600.00"
    await assert_in_order(market.billing.db)


async def test_a_command_that_cannot_be_followed_is_answered(market: World) -> None:
    wrong = a_command(amount=eur(0))
    other = a_command(paid=eur(1))

    await market.deliver("billing", a_command(), wrong, other)

    said = await market.said("billing", "command_refused")
    assert [(one["command_id"], one["code"]) for one in said] == [
        (str(wrong.id), "bad_request_format"),
        (str(other.id), "imported_otherwise"),
    ]
    assert await counts(market) == (1, 0)


# ── at the same moment ───────────────────────────────────────────────────────────────────────────────────────────────


async def open_both(alone: Service) -> None:
    globex = an_opened_account(account=an_account(id=9002, name="Globex")).model_copy(update={"division": OTHER})
    alone.door.commit_offset = None
    await alone.door.handle([as_record(event, n) for n, event in enumerate([an_opened_account(), globex])])


async def test_of_many_that_import_the_same_one_does(alone: Service) -> None:
    await open_both(alone)

    invoices = await asyncio.gather(*(bring_invoice(alone.db, an_old_invoice()) for _ in range(6)))
    balances = await asyncio.gather(*(bring_balance(alone.db, an_old_balance()) for _ in range(6)))

    assert sum(one.is_new for one in invoices) == sum(one.is_new for one in balances) == 1
    assert len({one.invoice.number for one in invoices}) == 1
    await assert_in_order(alone.db)


async def test_of_two_accounts_that_are_told_the_same_old_number_one_has_it(alone: Service) -> None:
    await open_both(alone)

    async def bring(account: int, division: int) -> object:
        try:
            return await bring_invoice(alone.db, an_old_invoice(division_id=division), account)
        except DomainError as refused:
            return refused

    answers = await asyncio.gather(*(bring(*one) for one in [(9001, 14), (9002, 15)] * 3))

    refused = [one for one in answers if isinstance(one, Exception)]
    assert len(refused) == 3
    assert all(isinstance(one, Conflict) and one.code == "imported_otherwise" for one in refused)
    await assert_in_order(alone.db)


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def go_on(world: World, last: int, series: str = "payment_request", **changed: Any) -> Any:
    given: dict[str, Any] = {
        "entity_id": 1,
        "series": series,
        "year": YEAR,
        "last": last,
        "why": "used by oldbill",
    } | changed
    async with world.billing.db.transaction() as tx:
        return await actions.continue_series(tx, **given, who=STAFF, now=utcnow())


async def entity_of(world: World) -> int:
    await bring_invoice(world.billing.db, an_old_invoice())
    return int((await world.rows("billing", "SELECT entity_id FROM invoice"))[0].entity_id)


async def test_a_series_goes_on_after_the_numbers_of_the_older_system(market: World) -> None:
    entity = await entity_of(market)

    gap = await go_on(market, 4711, entity_id=entity)
    again = await go_on(market, 4711, entity_id=entity)

    assert ((gap.first, gap.last, gap.declared_by), again) == ((2, 4711, STAFF), None)
    await bring_invoice(market.billing.db, an_old_invoice(number="R-2"))
    numbers = await market.rows("billing", "SELECT number FROM invoice ORDER BY id")
    assert [row.number[-6:] for row in numbers] == ["000001", "004712"]
    further = await go_on(market, 5000, entity_id=entity)
    assert further.first == 4713
    await assert_in_order(market.billing.db)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"last": 0}, "from 1 to"),
        ({"last": 10**9 + 1}, "from 1 to"),
        ({"series": "receipt"}, "no series 'receipt'"),
        ({"entity_id": 8}, "no selling entity 8"),
        ({"year": YEAR - 1}, "drawn any more"),
        ({"year": YEAR + 2}, "drawn any more or yet"),
        ({"why": " "}, "Say why"),
        ({"why": "a\nb"}, "is one line"),
    ],
)
async def test_a_series_that_is_none_or_no_reason_is_refused(market: World, changed: dict[str, Any], says: str) -> None:
    with pytest.raises(DomainError, match=says):
        await go_on(market, **{"last": 10} | changed)
    assert await market.rows("billing", "SELECT 1 FROM declared_gap") == []


async def test_no_number_that_was_used_comes_again(market: World) -> None:
    entity = await entity_of(market)
    await go_on(market, 100, entity_id=entity)

    with pytest.raises(Conflict, match="Number 100 of this series is used"):
        await go_on(market, 99, entity_id=entity)


# ── the database's own judgement ─────────────────────────────────────────────────────────────────────────────────────


MANY = """
INSERT INTO invoice SELECT (jsonb_populate_record(i, jsonb_build_object('id', 100000 + n, 'seq', 100000 + n,
  'number', 'PR-' || n, 'legacy_number', CASE WHEN n % 10 = 0 THEN 'R-' || n END))).*
FROM invoice AS i, generate_series(1, 5000) AS n
"""


async def test_old_numbers_are_found_by_their_index(market: World) -> None:
    await bring_invoice(market.billing.db, an_old_invoice())
    wanted = Listing(filters={"legacy_number": ("r-4710",)})
    searched = Listing(filters={"search": ("r-4710",)})

    async with market.billing.db.transaction() as tx:
        await tx.execute(text(MANY))
        await tx.execute(text("ANALYZE invoice"))
        plan = await plan_of(tx, select(Invoice.id).where(*conditions(wanted)))
        ways = [await plan_of(tx, select(Invoice.id).where(way)) for way in found_by(searched)]
        again = await plan_of(tx, IMPORTED.params(k0=["oldbill"] * 3, k1=["R-10", "R-20", "R-30"]))

    assert "ix_invoice_legacy_search" in plan
    assert any("ix_invoice_legacy_search" in way for way in ways)
    assert not [way for way in ways if "Seq Scan on invoice" in way]
    assert "uq_invoice_legacy" in again


async def plan_of(tx: AsyncSession, query: Any) -> str:
    compiled = query.compile(dialect=POSTGRESQL, compile_kwargs={"literal_binds": True})
    return str((await tx.execute(text(f"EXPLAIN {compiled}".replace(":", "\\:")))).all())


@pytest.mark.parametrize(("notify", "late"), [(False, 1), (True, 2)])
async def test_what_came_overdue_was_reminded_of_elsewhere_and_what_falls_due_later_is_announced(
    market: World, notify: bool, late: int
) -> None:
    due = utcnow().date() + timedelta(days=3)
    await bring_invoice(market.billing.db, an_old_invoice(notify=notify))
    await bring_invoice(market.billing.db, an_old_invoice(number="R-2", due_on=due, notify=notify))
    for days in (1, 5, 9):
        async with market.billing.db.transaction() as tx:
            await actions.announce_overdue(tx, utcnow() + timedelta(days=days))

    assert len(await market.said("billing", "invoice_overdue")) == late
