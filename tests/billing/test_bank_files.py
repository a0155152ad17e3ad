"""A bank's file settles what it names, once; the rest waits until an operator says whose it is."""

from typing import Any

import pytest

from services.billing.cli import take_bank_file
from services.billing.worker import match_bank_lines
from shared.db import utcnow
from shared.errors import Rejected
from shared.events.base import Money
from shared.events.billing import RecordPayment
from shared.events.orders import Division, DivisionAdded
from tests.billing.book import assert_in_order
from tests.billing.makers import take_key
from tests.billing.test_bank_camt import FILES, IBAN, camt
from tests.billing.test_payments import FINANCE, announce, balance, invoiced, settle, shown
from tests.billing.test_purchase_orders import call, code_of, market
from tests.conftest import World
from tests.makers import NOW, an_account, an_opened_account

__all__ = ["market"]  # a fixture
BANK_FILE, BANK_LINE = f"{FINANCE}/bank-file", f"{FINANCE}/bank-line"
XML = {"Content-Type": "application/xml"}


async def send(world: World, content: bytes, key: str = "staff", match: bool = True, **more: Any) -> Any:
    async with world.client(key, **XML) as http:
        answer = await http.post(BANK_FILE, content=content, params={"name": "20.xml"}, **more)
    while match and await match_bank_lines(world.billing.db):
        pass
    return answer


async def lines(world: World, **parameters: Any) -> list[dict[str, Any]]:
    answer = await call(world, "GET", BANK_LINE, "staff", params=parameters)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["bank_lines"])


async def put(world: World, line_id: int, **body: Any) -> Any:
    return await call(world, "PUT", f"{BANK_LINE}/{line_id}", "staff", json=body)


async def number_of(world: World, invoice: int) -> str:
    [row] = await world.rows("billing", "SELECT number FROM invoice WHERE id = :id", id=invoice)
    return str(row.number)


async def announced(world: World, invoice: int, amount: str = "100.00") -> dict[str, Any]:
    return dict((await announce(world, (invoice, amount), total=amount)).json())


# ── what a text says ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_transfer_that_names_a_payment_settles_it(market: World) -> None:
    invoice = await invoiced(market)
    payment = await announced(market, invoice)

    answer = await send(market, camt("sepa_credit", text=f"acme {payment['reference'].lower()}"))

    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["credits"], told["debits"], told["known"], told["accounts"]) == (1, 1, 0, [IBAN])
    assert told["lines"] == {"matching": 1, "open": 0, "booked": 0, "dismissed": 0}
    assert await shown(market, invoice) == ("paid", "100.00", "0.00")
    [line] = await lines(market)
    assert (line["status"], line["reference"], line["assigned_by"]) == (
        "booked", payment["reference"], "bank file 20.xml"
    )  # fmt: skip
    [row] = await market.rows("billing", "SELECT settled_by, bank_reference FROM payment")
    assert tuple(row) == ("bank file 20.xml", "2026112000088001")
    assert (await call(market, "GET", f"{BANK_FILE}/{told['id']}", "staff")).json()["lines"]["booked"] == 1
    await assert_in_order(market.billing.db)


async def test_more_than_was_announced_becomes_funds(market: World) -> None:
    invoice = await invoiced(market, "60.00")
    payment = await announced(market, invoice, "60.00")

    await send(market, camt("sepa_credit", text=payment["reference"]))

    assert (await shown(market, invoice))[0] == "paid"
    assert await balance(market) == "100.00"


async def test_a_transfer_that_names_invoices_pays_them_and_no_other_and_the_rest_becomes_funds(market: World) -> None:
    other, first, second = [await invoiced(market, amount, f"PO-{amount}") for amount in ("7.00", "30.00", "50.00")]
    text = f"{await number_of(market, second)} + {(await number_of(market, first)).replace('-', ' ')}"

    await send(market, camt("sepa_credit", text=text))

    assert await shown(market, first) == ("paid", "30.00", "0.00")
    assert await shown(market, second) == ("paid", "50.00", "0.00")
    assert await shown(market, other) == ("open", "0.00", "7.00")
    assert await balance(market) == "100.00"
    await assert_in_order(market.billing.db)


async def test_too_little_for_the_invoices_named_pays_the_oldest_due_first(market: World) -> None:
    first, second = await invoiced(market, "80.00"), await invoiced(market, "50.00", "PO-2")

    await send(market, camt("sepa_credit", text=f"{await number_of(market, second)} {await number_of(market, first)}"))

    assert (await shown(market, first), await shown(market, second)) == (
        ("paid", "80.00", "0.00"), ("partially_paid", "20.00", "30.00")
    )  # fmt: skip


async def test_each_transfer_of_a_batch_is_looked_at_by_itself(market: World) -> None:
    invoice = await invoiced(market)
    payment = await announced(market, invoice)

    await send(market, camt("batch", text=payment["reference"]))

    assert (await shown(market, invoice))[0] == "paid"
    assert [(one["status"], one["amount"], one["payer"]) for one in await lines(market)] == [
        ("booked", "100.00", "Acme Example GmbH"), ("open", "50.50", "Globex AG"), ("open", "30.00", "Initech"),
    ]  # fmt: skip
    assert await balance(market) == "100.00"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("thanks", "It names neither an announced payment nor an invoice."),
        ("PR-2026-999999", "It names neither"),
        ("{settled}", "which is settled"),
        ("{paid}", "which is settled. Assign it as other money."),
        ("{one} {two}", "It names several announced payments."),
        ("{ours} {theirs}", "It names invoices of several accounts."),
    ],
)
async def test_what_is_not_beyond_doubt_stays_open_and_says_why(market: World, text: str, says: str) -> None:
    other = an_opened_account(account=an_account(id=9002, name="Globex"))
    await market.deliver("billing", other.model_copy(update={"division": Division(id=15, name="Main")}))
    await take_key(market, "globex", account_id=9002, user_id=3)
    await call(market, "PUT", f"{FINANCE}/terms/15", "staff", json={"purchase_orders_allowed": True})
    paid, ours, more = [await invoiced(market, number=f"PO-{n}") for n in range(3)]
    body = {"po_number": "G-1", "amount": "100.00", "currency": "EUR", "container_id": 15}
    theirs = (await call(market, "POST", f"{FINANCE}/purchase-order", "globex", json=body)).json()["id"]
    path = f"{FINANCE}/purchase-order/{theirs}/status"
    theirs = (await call(market, "PUT", path, "staff", json={"status": "approved"})).json()["invoice"]
    settled = await announced(market, paid)
    await settle(market, settled["id"])
    told = {
        "settled": settled["reference"], "paid": await number_of(market, paid), "ours": await number_of(market, ours),
        "theirs": theirs["invoice_number"], "one": (await announced(market, ours))["reference"],
        "two": (await announced(market, more))["reference"],
    }  # fmt: skip

    await send(market, camt("sepa_credit", text=text.format(**told)))

    [line] = await lines(market, status="open")
    assert says in line["note"]
    assert await balance(market) == "100.00"


async def test_a_payment_that_expired_leads_to_its_account(market: World) -> None:
    payment = await announced(market, await invoiced(market))
    await market.rows("billing", "UPDATE payment SET expires_at = now() - interval '1 second' RETURNING 1")

    await send(market, camt("sepa_credit", text=payment["reference"]))

    [line] = await lines(market)
    assert (line["status"], line["names_payment"]) == ("open", payment["reference"])
    assert f"which is expired. Assign it to account {9001}" in line["note"]


async def test_another_currency_stays_open_and_cannot_be_assigned(market: World) -> None:
    payment = await announced(market, await invoiced(market))

    await send(market, camt("usd", text=payment["reference"]))

    [line] = await lines(market)
    assert (line["status"], line["amount"], line["currency"], line["account"]) == (
        "open", "379.50", "USD", "000000123456789"
    )  # fmt: skip
    assert line["note"].startswith("It is in USD, and account 9001 keeps its book in EUR.")
    refused = await put(market, line["id"], status="booked", account_id=9001, container_id=14)
    assert (refused.status_code, "keeps its book in EUR" in refused.text) == (400, True)
    assert (await lines(market))[0]["status"] == "open"


async def test_a_book_in_dollars_or_yen_is_paid_from_a_bank_in_the_same(market: World) -> None:
    for id_, division, currency in ((9003, 16, "USD"), (9004, 17, "JPY")):
        opened = an_opened_account(account=an_account(id=id_, currency=currency))
        await market.deliver("billing", opened.model_copy(update={"division": Division(id=division, name="Main")}))
        await take_key(market, currency, account_id=id_, user_id=id_)
    body = {"container_id": 16, "amount": "300.00", "currency": "USD"}
    deposit = (await call(market, "POST", f"{FINANCE}/deposit", "USD", json=body)).json()

    await send(market, camt("usd", text=deposit["reference"]))
    await send(market, camt("jpy"))

    [yen] = await lines(market, status="open")
    assert (yen["amount"], yen["currency"]) == ("12000", "JPY")
    assert (await put(market, yen["id"], status="booked", account_id=9004, container_id=17)).status_code == 200
    for division, key, has in ((16, "USD", "379.50"), (17, "JPY", "12000")):
        found = await call(market, "GET", f"{FINANCE}/balance?container_id={division}", key)
        assert found.json()["balance"] == has


# ── once ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_repeated_file_is_answered_with_the_earlier_result(market: World) -> None:
    payment = await announced(market, await invoiced(market))
    content = camt("sepa_credit", text=payment["reference"])
    first = (await send(market, content)).json()

    again = (await send(market, content)).json()

    assert (again["id"], again["repeated"], again["lines"]["booked"]) == (first["id"], True, 1)
    assert len(await lines(market)) == 1
    assert await balance(market) == "100.00"


async def test_overlapping_files_change_nothing_for_lines_already_known(market: World) -> None:
    payment = await announced(market, await invoiced(market))
    content = camt("batch", text=payment["reference"])
    await send(market, content)

    told = (await send(market, content.replace(b"CAMT053-20261121", b"another message"))).json()

    assert (told["credits"], told["known"], sum(told["lines"].values())) == (3, 3, 0)
    assert "repeated" not in told
    assert len(await lines(market)) == 3
    assert await balance(market) == "100.00"


async def test_the_same_reference_with_another_amount_is_shown_to_an_operator_and_not_lost(market: World) -> None:
    payment = await announced(market, await invoiced(market))
    content = camt("sepa_credit", text=payment["reference"])
    await send(market, content)

    told = (await send(market, content.replace(b">100.00<", b">101.00<"))).json()

    [line] = await lines(market, status="open")
    assert (told["known"], line["amount"], line["bank_reference"]) == (0, "101.00", "2026112000088001 (101.00 EUR)")
    assert "gave the same reference before" in line["note"]
    assert await balance(market) == "100.00"


async def test_a_transfer_that_the_feed_recorded_before_counts_once(market: World) -> None:
    invoice = await invoiced(market)
    feed = RecordPayment(
        source="bank", occurred_at=NOW, account_id=9001, amount=Money(amount=10000, currency="EUR"),
        reference="x", bank_reference="2026112000088001",
    )  # fmt: skip
    await market.deliver("billing", feed)

    await send(market, camt("sepa_credit", text="thanks"))

    [line] = await lines(market)
    [payment] = await market.rows("billing", "SELECT id FROM payment")
    assert (line["status"], line["payment_id"]) == ("booked", payment.id)
    assert (await shown(market, invoice))[0] == "paid"
    assert await balance(market) == "100.00"


async def test_one_line_that_cannot_be_booked_holds_up_no_other(market: World) -> None:
    first, second = await invoiced(market), await invoiced(market, number="PO-2")
    bad, good = await announced(market, first), await announced(market, second)
    await market.rows(
        "billing", "UPDATE payment SET created_by = 'bank file 20.xml' WHERE id = :id RETURNING 1", id=bad["id"]
    )
    await send(market, camt("sepa_credit", text=bad["reference"]))

    await send(market, camt("batch", text=good["reference"]))

    by_reference = {one["bank_reference"]: one for one in await lines(market)}
    assert "settled by somebody else" in by_reference["2026112000088001"]["note"]
    assert by_reference["TX-7701"]["status"] == "booked"


# ── money that was taken back ────────────────────────────────────────────────────────────────────────────────────────


async def returned(market: World) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """An invoice paid by a file, the line that takes it back, and the salary that came back with it."""
    invoice = await invoiced(market)
    payment = await announced(market, invoice)
    await send(market, camt("sepa_credit", text=payment["reference"]))
    await send(market, camt("return", reference="2026112000088001"))
    salary, back = sorted(await lines(market, status="open"), key=lambda one: one["kind"])
    return invoice, back, salary


async def test_what_the_bank_took_back_offers_to_reverse_the_payment_it_names(market: World) -> None:
    invoice, back, salary = await returned(market)
    assert (back["kind"], back["note"]) == (
        "return",
        f"The bank took back payment {back['names_payment']}. Reverse it.",
    )
    assert salary["note"].startswith("The bank gives back what was sent from this account.")
    assert (await shown(market, invoice))[0] == "paid"

    answer = await put(market, back["id"], status="reversed")

    assert (answer.status_code, answer.json()["status"]) == (200, "booked"), answer.text
    assert await shown(market, invoice) == ("open", "0.00", "100.00")
    [row] = await market.rows("billing", "SELECT reversed_by, reversal_reason FROM payment")
    assert row.reversed_by == "ops@ca.example"
    assert row.reversal_reason.startswith("Returned by the bank: Rueckruf 2026112000088001")
    assert code_of(await put(market, back["id"], status="reversed")) == "line_booked"
    await assert_in_order(market.billing.db)


async def test_a_payment_that_staff_reversed_before_closes_the_line_by_itself(market: World) -> None:
    payment = await announced(market, await invoiced(market))
    await send(market, camt("sepa_credit", text=payment["reference"]))
    path = f"{FINANCE}/payment/{payment['id']}/status"
    await call(market, "PUT", path, "staff", json={"status": "reversed", "reason": "Bounced"})

    await send(market, camt("return", reference="2026112000088001"))

    [_, back] = sorted((one for one in await lines(market) if one["account"] == IBAN), key=lambda one: one["kind"])[-2:]
    assert (back["kind"], back["status"], back["payment_id"]) == ("return", "booked", payment["id"])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b">100.00<", b">40.00<", "took back 40.00 of payment"),
        (b"2026112000088001", b"20261120000XXXX", "without naming a payment"),
    ],
)
async def test_a_return_that_is_not_of_a_whole_payment_is_left_to_staff(
    market: World, old: bytes, new: bytes, says: str
) -> None:
    payment = await announced(market, await invoiced(market))
    await send(market, camt("sepa_credit", text=payment["reference"]))

    await send(market, camt("return", reference="2026112000088001").replace(old, new))

    [back] = [one for one in await lines(market, status="open") if one["kind"] == "return"]
    assert says in back["note"]
    assert (await put(market, back["id"], status="reversed")).status_code == 400
    assert (await put(market, back["id"], status="booked", account_id=9001, container_id=14)).status_code == 400
    assert (await put(market, back["id"], status="dismissed", reason="By hand")).status_code == 200


# ── an operator says whose it is ─────────────────────────────────────────────────────────────────────────────────────


async def an_open_line(market: World) -> int:
    await send(market, camt("sepa_credit", text="thanks"))
    [line] = await lines(market, status="open")
    return int(line["id"])


async def test_a_line_is_assigned_to_what_the_account_owes_and_twice_is_a_conflict(market: World) -> None:
    invoice, line = await invoiced(market, "60.00"), await an_open_line(market)

    answer = await put(market, line, status="booked", account_id=9001, container_id=14)

    told = answer.json()
    assert (answer.status_code, told["status"], told["assigned_by"]) == (200, "booked", "ops@ca.example")
    assert (await shown(market, invoice))[0] == "paid"
    assert await balance(market) == "100.00"
    for body in ({"status": "booked", "account_id": 9001, "container_id": 14}, {"status": "dismissed", "reason": "x"}):
        again = await put(market, line, **body)
        assert (again.status_code, code_of(again)) == (409, "line_booked")
    assert await balance(market) == "100.00"
    noted = await market.rows("billing", "SELECT what, after FROM audit_log WHERE subject = :s", s=f"bank-line/{line}")
    assert [row.what for row in noted] == ["bank line assigned"]
    await assert_in_order(market.billing.db)


async def test_a_line_is_assigned_to_the_invoices_named_alone(market: World) -> None:
    older, wanted = await invoiced(market, "60.00"), await invoiced(market, "30.00", "PO-2")
    line = await an_open_line(market)

    number = (await number_of(market, wanted)).lower()
    await put(market, line, status="booked", account_id=9001, container_id=14, invoices=[number])

    assert await shown(market, older) == ("open", "0.00", "60.00")
    assert await shown(market, wanted) == ("paid", "30.00", "0.00")
    assert await balance(market) == "100.00"


async def test_a_line_that_is_none_of_ours_is_dismissed_with_a_reason_once(market: World) -> None:
    line = await an_open_line(market)

    assert (await put(market, line, status="dismissed", reason="  ")).status_code == 400
    told = (await put(market, line, status="dismissed", reason="Refund of salaries")).json()

    assert (told["status"], told["reason"], told["dismissed_by"]) == (
        "dismissed", "Refund of salaries", "ops@ca.example"
    )  # fmt: skip
    for body in ({"status": "dismissed", "reason": "y"}, {"status": "booked", "account_id": 9001, "container_id": 14}):
        again = await put(market, line, **body)
        assert (again.status_code, code_of(again)) == (409, "line_dismissed")
        assert "Refund of salaries" in again.text
    assert await balance(market) == "0.00"


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"status": "booked"}, 400, "Say whose money it is"),
        ({"status": "booked", "account_id": 9001}, 400, "Say whose money it is"),
        ({"status": "booked", "account_id": 9001, "container_id": 99}, 404, "no division 99 in account 9001"),
        ({"status": "booked", "account_id": 77, "container_id": 14}, 404, "no division 14 in account 77"),
        (
            {"status": "booked", "account_id": 9001, "container_id": 14, "invoices": ["PR-2026-999999"]}, 404,
            "There is no invoice 'PR-2026-999999' to pay in account 9001",
        ),
        ({"status": "booked", "account_id": 9001, "container_id": 14, "invoices": ["{paid}"]}, 409, "is settled"),
        ({"status": "reversed"}, 400, "only what the bank took back reverses a payment"),
        ({"status": "spent"}, 400, "status"),
    ],
)  # fmt: skip
async def test_a_wrong_assignment_is_refused_and_the_line_stays_open(
    market: World, body: dict[str, Any], status: int, says: str
) -> None:
    paid = await invoiced(market)
    await settle(market, (await announced(market, paid))["id"])
    line, number = await an_open_line(market), await number_of(market, paid)
    if "invoices" in body:
        body = body | {"invoices": [one.format(paid=number) for one in body["invoices"]]}

    answer = await put(market, line, **body)

    assert (answer.status_code, says in answer.json()["errors"][0]["message"]) == (status, True), answer.text
    assert [one["id"] for one in await lines(market, status="open")] == [line]
    assert await balance(market) == "100.00"


async def test_the_rest_becomes_funds_of_the_division_that_is_named(market: World) -> None:
    added = DivisionAdded(occurred_at=NOW, account_id=9001, division=Division(id=15, name="Hosting"))
    await market.deliver("billing", added)
    line = await an_open_line(market)

    await put(market, line, status="booked", account_id=9001, container_id=15)

    [row] = await market.rows("billing", "SELECT division_id, received FROM payment")
    assert tuple(row) == (15, 10000)


async def test_where_funds_are_separate_a_division_pays_what_it_owes_itself(market: World) -> None:
    added = DivisionAdded(occurred_at=NOW, account_id=9001, division=Division(id=15, name="Hosting"))
    await market.deliver("billing", added)
    await call(market, "PUT", f"{FINANCE}/terms/14", "staff", json={"separate_funds": True})
    main, own = await invoiced(market, "70.00"), await invoiced(market, "60.00", "PO-2", container_id=15)
    line = await an_open_line(market)

    answer = await put(market, line, status="booked", account_id=9001, container_id=15)

    assert answer.status_code == 200, answer.text
    assert ((await shown(market, main))[0], (await shown(market, own))[0]) == ("open", "paid")
    found = await call(market, "GET", f"{FINANCE}/balance?container_id=15")
    assert (found.json()["balance"], await balance(market)) == ("100.00", "0.00")
    await assert_in_order(market.billing.db)


# ── doors ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("given", [{"role": "administrator"}, {"role": "finance_manager"}, {"role": "standard_user"}])
async def test_nobody_but_staff_takes_files_or_sees_lines(market: World, given: dict[str, Any]) -> None:
    line = await an_open_line(market)
    await take_key(market, "other", user_id=21, **given)

    assert (await send(market, camt("batch", text="x"), "other")).status_code == 403
    for method, path in (("GET", BANK_LINE), ("GET", f"{BANK_LINE}/{line}"), ("GET", f"{BANK_FILE}/1")):
        assert (await call(market, method, path, "other")).status_code == 403
    answer = await call(market, "PUT", f"{BANK_LINE}/{line}", "other", json={"status": "dismissed", "reason": "x"})
    assert answer.status_code == 403


async def test_a_key_of_staff_for_orders_alone_takes_no_files(market: World) -> None:
    await take_key(market, "orders", role="operator", account_id=0, user_id=22, key_role=100)

    assert (await send(market, camt("jpy"), "orders")).status_code == 403


async def test_a_form_takes_a_file_too(market: World) -> None:
    async with market.client("staff") as http:
        sent = await http.post(BANK_FILE, files={"file": ("yen.xml", camt("jpy"), "text/xml")})
        missing = await http.post(BANK_FILE, files={"other": ("yen.xml", camt("jpy"), "text/xml")})

    assert (sent.status_code, sent.json()["name"], sent.json()["credits"]) == (201, "yen.xml", 1)
    assert (missing.status_code, "as the field «file»" in missing.text) == (400, True)


async def test_a_key_of_idempotency_gives_the_first_answer_again_and_is_for_one_file(market: World) -> None:
    key = {"Idempotency-Key": "k-1"}
    first, again = [await send(market, camt("jpy"), match=False, headers=XML | key) for _ in range(2)]
    other = await send(market, camt("usd", text="x"), match=False, headers=XML | key)

    assert first.json() == again.json()
    assert (other.status_code, code_of(other)) == (409, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("content", "says"),
    [(camt("cut_off"), "cut off"), (camt("no_camt"), "not a camt.053"), (b"", "is empty"), (b"{}", "is no XML")],
)
async def test_what_is_no_statement_is_refused_and_nothing_is_kept(market: World, content: bytes, says: str) -> None:
    answer = await send(market, content)

    assert (answer.status_code, says in answer.text) == (400, True)
    assert await market.rows("billing", "SELECT 1 FROM bank_file") == []


async def test_a_file_may_be_larger_than_other_requests_but_not_without_end(market: World) -> None:
    content = camt("jpy")
    padding = b"<!--" + b" " * 2**20 + b"-->"

    assert (await send(market, content + padding)).status_code == 201
    assert (await send(market, content + padding * 22)).status_code == 413


async def test_lines_are_listed_by_state_and_file_in_pages(market: World) -> None:
    first = (await send(market, camt("batch", text="x"))).json()
    second = (await send(market, camt("jpy"))).json()

    assert len(await lines(market, **{"filters[file_id]": first["id"]})) == 3
    assert [one["file_id"] for one in await lines(market, file_id=second["id"])] == [second["id"]]
    page = await call(market, "GET", BANK_LINE, "staff", params={"status": "open", "limit": 2, "offset": 2})
    assert page.json()["page"] == {"total": 4, "limit": 2, "offset": 2}
    assert len(page.json()["bank_lines"]) == 2
    assert (await call(market, "GET", BANK_LINE, "staff", params={"filters[payer]": "x"})).status_code == 400
    assert (await call(market, "GET", BANK_LINE, "staff", params={"status": "lost"})).status_code == 400
    assert (await call(market, "GET", f"{BANK_LINE}/999999", "staff")).status_code == 404
    assert (await call(market, "GET", f"{BANK_FILE}/999999", "staff")).status_code == 404


# ── from a shell ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def from_shell(world: World, name: str, rounds: int = 1000) -> list[str]:
    said: list[str] = []
    left = iter(range(rounds))

    async def match() -> bool:
        return next(left, None) is not None and await match_bank_lines(world.billing.db)

    await take_bank_file(world.billing.db, FILES / name, match, "ops", utcnow(), said.append)
    return said


async def test_the_command_says_what_came_and_which_lines_nobody_owns(market: World) -> None:
    said = await from_shell(market, "pending.xml")

    assert "1 credits and 0 returns, 0 of them known; 2 not booked yet, 0 debits." in said[0]
    assert said[1] == "0 lines are booked, 0 dismissed, 1 open."
    assert "2026-11-22  42.00 EUR  Müller & Söhne: 'für Zertifikate'  It names neither" in said[2]


async def test_a_command_that_was_killed_halfway_is_finished_by_the_same_file(market: World) -> None:
    first = await from_shell(market, "batch.xml", rounds=1)
    assert [row.n for row in await market.rows("billing", "SELECT count(tried_at) AS n FROM bank_line")] == [1]

    again = await from_shell(market, "batch.xml")

    assert "which came before on" in again[0]
    assert "which came before on" not in first[0]
    assert [row.n for row in await market.rows("billing", "SELECT count(tried_at) AS n FROM bank_line")] == [3]
    assert len(again) == 5


@pytest.mark.parametrize(("name", "says"), [("cut_off.xml", "cut off"), ("missing.xml", "cannot be read")])
async def test_the_command_refuses_what_it_cannot_read(market: World, name: str, says: str) -> None:
    with pytest.raises(Rejected, match=says):
        await from_shell(market, name)
