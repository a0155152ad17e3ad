"""Stories 4 and 7: a purchase order becomes an invoice, and paying it makes exactly that much available."""

from io import BytesIO
from typing import Any

from pypdf import PdfReader

from shared.events.base import Money
from shared.events.billing import RecordPayment
from tests.flows.conftest import COSTS, Town, pdf_of
from tests.makers import NOW

FINANCE = "/services/v2/finance"


async def ask(town: Town, method: str, path: str, body: dict[str, Any], role: str = "administrator") -> Any:
    async with town.client(role) as http:
        answer = await http.request(method, f"{FINANCE}/{path}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


async def invoiced(town: Town, amount: str, number: str) -> Any:
    await ask(town, "PUT", f"terms/{town.division}", {"purchase_orders_allowed": True}, "operator")
    wish = {"po_number": number, "amount": amount, "currency": "EUR", "container_id": town.division}
    order = await ask(town, "POST", "purchase-order", wish)
    return (await ask(town, "PUT", f"purchase-order/{order['id']}/status", {"status": "approved"}, "operator"))[
        "invoice"
    ]


async def announced(town: Town, amounts: dict[int, str], total: str) -> Any:
    items = [{"id": invoice, "amount": amount} for invoice, amount in amounts.items()]
    about = {"container_id": town.division, "currency": "EUR"}
    return await ask(town, "POST", "payment", {**about, "invoices": items, "expected_total": total})


def arrives(town: Town, cents: int, text: str, bank: str) -> None:
    town.tell(
        RecordPayment(
            source="bank", occurred_at=NOW, account_id=town.account, amount=Money(amount=cents, currency="EUR"),
            reference=text, bank_reference=bank,
        )
    )  # fmt: skip


async def test_an_approved_purchase_order_is_mailed_as_a_payment_request_with_its_number(town: Town) -> None:
    invoice = await invoiced(town, "5000.00", "PO-77812")
    await town.settle()

    by_subject = {mail["Subject"].split(":")[0]: mail for mail in town.mails()}
    assert set(by_subject) == {
        "Purchase order PO-77812 submitted", "Purchase order PO-77812 approved", f"Invoice {invoice['invoice_number']}"
    }  # fmt: skip
    mail = by_subject[f"Invoice {invoice['invoice_number']}"]
    printed = "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf_of(mail))).pages)
    for text in (invoice["invoice_number"], "PO-77812", "5,000.00", "VAT is charged on the invoices for orders paid"):
        assert text in printed
    assert await town.balance() == "0.00"
    await town.in_order()


async def test_paying_in_parts_makes_exactly_that_much_available_and_releases_what_waits(town: Town) -> None:
    invoice = await invoiced(town, "300.00", "PO-1")
    order = await town.order()
    await town.settle()
    assert (await town.shown(order))["status"] != "issued"

    arrives(town, 10_000, "PO-1, first part", "B-1")
    await town.settle()
    assert await town.balance() == "100.00"
    assert (await town.shown(order))["status"] != "issued"
    payment = await announced(town, {invoice["id"]: "200.00"}, "200.00")
    arrives(town, 20_000, f"Acme {payment['reference']}", "B-2")
    await town.settle()

    assert (await town.shown(order))["status"] == "issued"
    assert await town.balance() == f"{(30_000 - COSTS) / 100:.2f}"
    [paid] = await town.said("billing", "invoice_paid")
    assert paid["number"] == invoice["invoice_number"]
    await town.in_order()


async def test_one_payment_for_many_invoices_is_all_or_nothing_and_the_same_transfer_counts_once(town: Town) -> None:
    first, second = await invoiced(town, "100.00", "PO-1"), await invoiced(town, "50.00", "PO-2")
    payment = await announced(town, {first["id"]: "100.00", second["id"]: "50.00"}, "150.00")

    for _ in range(2):
        arrives(town, 15_000, payment["reference"], "B-1")
    await town.settle()

    assert {fact["number"] for fact in await town.said("billing", "invoice_paid")} == {
        first["invoice_number"], second["invoice_number"]
    }  # fmt: skip
    assert await town.balance() == "150.00"
    assert len(await town.said("billing", "command_refused")) == 1
    await town.in_order()
