"""Files at once on connections of their own: each transfer counts once, whoever is first and whoever is killed."""

import asyncio
import dataclasses
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from services.billing import actions
from services.billing.rules.camt import Statement
from services.billing.worker import match_bank_lines
from shared.db import utcnow
from shared.service import Service
from tests.billing.book import assert_in_order
from tests.billing.shell import shell, start
from tests.billing.test_bank_camt import an_entry, camt
from tests.billing.test_payment_races import ACCOUNT, NOW, at_once, euros, invoices, opened
from tests.billing.test_races import count

FUNDS = text(f"SELECT balance FROM funds WHERE division_id = {ACCOUNT}")


async def pending(service: Service, invoice_id: int, amount: int = 10) -> str:
    async with service.db.transaction() as tx:
        payment = await actions.announce_payment(
            tx, ACCOUNT, ACCOUNT, {invoice_id: amount * 100}, euros(amount), "wire_transfer", "ann", utcnow()
        )
        return payment.reference


def a_statement(*references: str, number: str = "S", amount: int = 1000) -> Statement:
    """One credit for each reference of a payment."""
    entries = [
        an_entry(reference=f"B-{n}", amount=amount, text=said, booked_on=date(2026, 11, 20))
        for n, said in enumerate(references)
    ]
    return Statement(number, "DE1", "EUR", tuple(entries), 0, 0)


async def take(service: Service, statement: Statement, name: str = "20.xml") -> tuple[int, bool]:
    async with service.db.transaction() as tx:
        digest = sha256(repr(statement).encode()).hexdigest()
        file, is_new = await actions.take_bank_file(tx, [statement], digest, name, "ops", NOW)
        return file.id, is_new


async def match_all(service: Service) -> None:
    while await match_bank_lines(service.db):
        pass


async def test_of_six_imports_of_one_file_at_once_one_is_the_first_and_each_transfer_counts_once(
    alone: Service,
) -> None:
    await opened(alone)
    references = [await pending(alone, invoice) for invoice in await invoices(alone, 5)]
    statement = a_statement(*references)

    answers = await asyncio.gather(*[take(alone, statement) for _ in range(6)])
    await asyncio.gather(*[match_all(alone) for _ in range(6)])

    assert len({file_id for file_id, _ in answers}) == 1
    assert sorted(is_new for _, is_new in answers) == [False] * 5 + [True]
    async with alone.db.transaction() as tx:
        rows = await tx.execute(text("SELECT count(*), count(payment_id), sum(amount) FROM bank_line"))
        assert tuple(rows.one()) == (5, 5, 5000)
        assert await tx.scalar(FUNDS) == 5000
    await assert_in_order(alone.db)


async def test_overlapping_files_at_once_keep_each_line_once(alone: Service) -> None:
    await opened(alone)
    references = [await pending(alone, invoice) for invoice in await invoices(alone, 4)]
    whole = a_statement(*references)
    parts = [
        dataclasses.replace(whole, id=str(n), entries=entries)
        for n, entries in enumerate((whole.entries[:3], whole.entries[1:], whole.entries[::-1], whole.entries))
    ]

    await asyncio.gather(*[take(alone, part) for part in parts], *[match_all(alone) for _ in range(3)])
    await match_all(alone)

    assert await count(alone, "bank_file") == 4
    assert await count(alone, "bank_line") == 4
    assert await count(alone, "payment", "settled_at IS NOT NULL") == 4
    async with alone.db.transaction() as tx:
        assert await tx.scalar(text("SELECT sum(known) FROM bank_file")) == 3 + 3 + 4 + 4 - 4
    await assert_in_order(alone.db)


async def test_of_assigning_and_dismissing_at_once_one_wins(alone: Service) -> None:
    await opened(alone)
    await take(alone, a_statement("thanks"))
    async with alone.db.transaction() as tx:
        line = await actions.next_bank_line(tx)
        assert line is not None

    answers = await at_once(
        alone,
        *[lambda tx: actions.assign_line(tx, line, ACCOUNT, ACCOUNT, [], "ops", NOW) for _ in range(3)],
        *[lambda tx: actions.dismiss_line(tx, line, "salaries", "ops", NOW) for _ in range(3)],
        lambda tx: actions.match_line(tx, line, NOW),
    )

    refused = [one for one in answers if one in ("line_booked", "line_dismissed")]
    assert len(refused) == 5
    assert len(set(refused)) == 1
    booked = await count(alone, "payment")
    assert booked == (1 if refused[0] == "line_booked" else 0)
    await assert_in_order(alone.db)


async def test_a_line_that_staff_settle_while_it_is_matched_counts_once(alone: Service) -> None:
    await opened(alone)
    [invoice] = await invoices(alone, 1)
    reference = await pending(alone, invoice)
    await take(alone, a_statement(reference))
    async with alone.db.transaction() as tx:
        payment_id = await tx.scalar(text("SELECT id FROM payment"))
        assert payment_id is not None

    await asyncio.gather(
        match_all(alone),
        at_once(alone, lambda tx: actions.settle_payment(tx, payment_id, euros(10), "B-0", "cara", NOW)),
    )

    async with alone.db.transaction() as tx:
        assert await tx.scalar(FUNDS) == 1000
    await assert_in_order(alone.db)


class Killed(Exception):
    pass


async def match_and_die(service: Service) -> None:
    async with service.db.transaction() as tx:  # booked, and not committed
        line = await actions.next_bank_line(tx)
        assert line is not None
        await actions.match_line(tx, line, NOW)
        raise Killed


async def test_a_kill_between_any_two_lines_loses_and_doubles_nothing(alone: Service) -> None:
    await opened(alone)
    references = [await pending(alone, invoice) for invoice in await invoices(alone, 3)]
    await take(alone, a_statement(*references))

    with pytest.raises(Killed):
        await match_and_die(alone)
    await match_bank_lines(alone.db)
    _, is_new = await take(alone, a_statement(*references))
    await match_all(alone)

    assert not is_new
    async with alone.db.transaction() as tx:
        assert await tx.scalar(FUNDS) == 3000
    await assert_in_order(alone.db)


async def test_a_command_that_is_killed_and_given_again_books_every_line_once(alone: Service, tmp_path: Path) -> None:
    await opened(alone)
    references = [await pending(alone, invoice) for invoice in await invoices(alone, 60)]
    path = tmp_path / "20.xml"
    path.write_bytes(written(references))
    first = await start(alone, "bank", str(path))
    while await count(alone, "bank_line", "tried_at IS NOT NULL") < 5:
        await asyncio.sleep(0.01)
        assert first.returncode is None
    first.kill()
    await first.communicate()
    assert await count(alone, "bank_line", "tried_at IS NULL") > 0

    status, said, complaints = await shell(alone, "bank", str(path))

    assert (status, complaints) == (0, "")
    assert "which came before on" in said
    assert "60 lines are booked, 0 dismissed, 0 open." in said
    async with alone.db.transaction() as tx:
        assert await tx.scalar(FUNDS) == 60_000
    await assert_in_order(alone.db)
    status, _, why = await shell(alone, "bank", str(tmp_path / "missing.xml"))
    assert (status, "cannot be read" in why) == (1, True)


def written(references: list[str]) -> bytes:
    entry = camt("sepa_credit").split(b"<Ntry>")[1]
    head, tail = camt("sepa_credit").split(b"<Ntry>")[0], b"</Stmt></BkToCstmrStmt></Document>"
    entries = [
        b"<Ntry>" + entry.replace(b"@TEXT@", text.encode()).replace(b"88001", str(n).encode())
        for n, text in enumerate(references)
    ]
    return head + b"".join(entries).replace(b">100.00<", b">10.00<") + tail


async def test_a_fault_of_ours_leaves_the_line_to_staff_and_the_others_go_on(alone: Service) -> None:
    """An amount that no column takes stands for whatever nobody thought of."""
    await opened(alone)
    [invoice] = await invoices(alone, 1)
    reference = await pending(alone, invoice)
    statement = a_statement(reference, reference)
    broken = dataclasses.replace(statement.entries[0], amount=2**62)
    await take(alone, dataclasses.replace(statement, entries=(broken, statement.entries[1])))

    await match_all(alone)

    async with alone.db.transaction() as tx:
        rows = (
            await tx.execute(text("SELECT payment_id IS NOT NULL AS booked, note FROM bank_line ORDER BY id"))
        ).all()
    assert [row.booked for row in rows] == [False, True]
    assert rows[0].note


async def test_ten_thousand_lines_are_taken_at_once_and_known_when_they_come_again(alone: Service) -> None:
    statement = a_statement(*["thanks"] * 10_000)
    await take(alone, statement)

    known, _ = await take(alone, dataclasses.replace(statement, id="again"))

    async with alone.db.transaction() as tx:
        assert await tx.scalar(text("SELECT known FROM bank_file WHERE id = :id"), {"id": known}) == 10_000
    assert await count(alone, "bank_line") == 10_000
