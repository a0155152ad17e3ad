"""Names from right to left in sentences of ours: what stands beside them stays where it is read."""

import pytest

from services.billing.clients.legible import legible
from services.billing.clients.pdf import render
from services.billing.models import Invoice
from services.billing.queries import settling
from services.billing.rules import END, ISOLATE, isolated
from shared.db import the
from shared.events.orders import Division, DivisionAdded
from tests.billing.makers import take_key
from tests.billing.months import deposit, eur, terms
from tests.billing.test_payment_sheets import print_all, sheet
from tests.billing.test_payments import announce, invoiced, market, settle
from tests.billing.test_pdf import an_invoice, text_of
from tests.billing.test_purchase_orders import call
from tests.conftest import World
from tests.makers import NOW, an_account, an_opened_account

__all__ = ["market"]
API = "/services/v2/finance"
NAME = "חברת דוגמה"


def test_figures_after_a_name_stay_in_their_order_on_paper() -> None:
    said = f"Increase: {isolated(NAME)}, 2026-11-03 to 2026-11-30"

    assert ", 2026-11-03 to 2026-11-30" in text_of(render({**an_invoice(), "notes": [said]}))


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        (f"to {ISOLATE}{NAME}{END}, 12", f"{ISOLATE}to {ISOLATE}{NAME}{END}, 12{END}"),
        (f"Acme {ISOLATE}", "Acme "),
        (f"{END}Acme{ISOLATE}", "Acme"),
        ("A\u202eB\u2067C\u2069", "ABC"),
    ],
)
def test_only_isolates_that_are_ended_reach_the_paper(given: str, seen: str) -> None:
    assert legible(given) == seen


@pytest.mark.parametrize(
    ("given", "put"),
    [
        ("Müller GmbH", "Müller GmbH"),
        (NAME, f"{ISOLATE}{NAME}{END}"),
        (f"{END}{NAME}\u202e", f"{ISOLATE}{NAME}{END}"),
        (f"More: {isolated(NAME)}", f"{ISOLATE}More: {ISOLATE}{NAME}{END}{END}"),
        ("١٢", f"{ISOLATE}١٢{END}"),
        ("e\u202eur", "eur"),
    ],
)
def test_a_text_gets_out_of_its_isolate_by_nothing_that_it_holds(given: str, put: str) -> None:
    assert isolated(given) == put


async def test_a_transfer_names_both_divisions_each_by_itself(shop: World) -> None:
    main = an_opened_account(account=an_account()).model_copy(update={"division": Division(id=14, name=NAME)})
    labs = DivisionAdded(occurred_at=NOW, account_id=9001, division=Division(id=15, name="מעבדה 2"))
    await shop.deliver("billing", main, labs)
    await terms(shop, NOW, negative_limit=eur(50_000), separate_funds=True)
    await deposit(shop, 100_000, NOW)
    await take_key(shop, "key")
    move = {"amount": "250.00", "from_container_id": 14, "to_container_id": 15}
    assert (await call(shop, "POST", f"{API}/transfer", json=move)).status_code == 204

    [text] = await shop.rows("billing", "SELECT text FROM journal WHERE kind = 'transfer'")
    assert text.text == f"Transfer from {isolated(NAME)} to {isolated('מעבדה 2')}"


async def test_why_a_payment_went_back_stands_by_itself_on_the_sheet(market: World) -> None:
    invoice = await invoiced(market, "100.00")
    await print_all(market)
    payment = (await announce(market, (invoice, "40.00"), total="40.00")).json()
    await settle(market, payment["id"], bank="SEPA 88")
    why = f"{NAME} 7"
    path = f"{API}/payment/{payment['id']}/status"
    await call(market, "PUT", path, "staff", json={"status": "reversed", "reason": why})

    assert "Payment reversed:" in await sheet(market, invoice)
    async with market.billing.db.transaction() as tx:
        said = [row.what for row in await settling.settlings(tx, await the(tx, Invoice, invoice), 10)]
    assert said == ["Payment", f"Payment reversed: {isolated(why)}"]
