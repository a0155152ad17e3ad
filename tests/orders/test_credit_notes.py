"""What billing credits of an order, as the order's page and history tell it."""

from typing import Any

import pytest

from shared.events import billing
from shared.events.base import OrderRef
from shared.ids import new_id
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import NOW, eur


def a_note(account_id: int, order_id: int, number: int, **changed: Any) -> billing.CreditNoteIssued:
    given = {
        "account_id": account_id, "occurred_at": NOW, "credit_note_id": number, "number": f"CN-{number}",
        "invoice_id": 40211, "invoice_number": "INV-2026-000140", "order": OrderRef(id=order_id), "division_id": 14,
        "issued_on": NOW.date(), "net": eur(9900), "tax": eur(1881), "total": eur(11781),
    }  # fmt: skip
    return billing.CreditNoteIssued.model_validate(given | changed)


def note_document(account_id: int, order_id: int, number: int, ends_order: bool) -> billing.CreditNoteDocumentReady:
    given = {
        "account_id": account_id, "occurred_at": NOW, "document_id": new_id(), "order": OrderRef(id=order_id),
        "division_id": 14, "account_name": "Acme Inc.", "issued_on": NOW.date(), "total": eur(11781), "size": 9000,
        "sha256": "0" * 64, "credit_note_id": number, "number": f"CN-{number}", "invoice_number": "INV-2026-000140",
        "path": f"/services/v2/finance/credit-note/{number}/pdf", "ends_order": ends_order,
    }  # fmt: skip
    return billing.CreditNoteDocumentReady.model_validate(given)


async def sentences(world: World) -> list[str]:
    rows = await world.rows("orders", "SELECT sentence FROM timeline_entry WHERE who = 'Billing' ORDER BY id")
    return [row.sentence for row in rows]


async def test_a_part_that_is_credited_is_in_the_history_and_only_the_end_has_the_credit_note(
    world: World, acme: Company
) -> None:
    order_id = (await acme.place())["id"]
    part = a_note(acme.id, order_id, 7, ends_order=False, total=eur(1190), pre_payment=eur(0), post_payment=eur(1190))

    await world.deliver("orders", part, note_document(acme.id, order_id, 7, False))
    assert "credit_note" not in (await acme.order(order_id))["facts"]
    assert await sentences(world) == [
        "11.90 EUR given back to the funds, credit note CN-7", "Credit note CN-7 is ready to download",
    ]  # fmt: skip

    await world.deliver("orders", a_note(acme.id, order_id, 8), note_document(acme.id, order_id, 8, True))

    shown = await acme.order(order_id)
    assert shown["facts"]["credit_note"]["path"] == "/services/v2/finance/credit-note/8/pdf"


@pytest.mark.parametrize(
    ("pre", "post", "says"),
    [
        (11781, 0, "117.81 EUR taken off what invoice INV-2026-000140 asks for, credit note CN-7"),
        (10000, 1781, "17.81 EUR given back to the funds, 100.00 EUR taken off what invoice INV-2026-000140 asks for, "
                      "credit note CN-7"),
    ],
)  # fmt: skip
async def test_what_was_never_paid_is_not_said_to_be_back_in_the_funds(
    world: World, acme: Company, pre: int, post: int, says: str
) -> None:
    order_id = (await acme.place())["id"]

    await world.deliver("orders", a_note(acme.id, order_id, 7, pre_payment=eur(pre), post_payment=eur(post)))

    assert await sentences(world) == [says]
