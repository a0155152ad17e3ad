from datetime import date, timedelta
from typing import Any

from services.billing.clients.epc import epc_qr
from services.billing.models import Division, Payment, PurchaseOrder, Receivable
from tests.pages.samples.base import ANN, CARA, NOW, Sample

MAIN = Division(id=14, account_id=7, name="Main")
HOSTING = Division(id=15, account_id=7, name="Hosting Europe")
BANK = {
    "name": "Issuary Trust GmbH",
    "iban": "DE02120300000000202051",
    "bic": "BYLADEM1001",
    "bank": "Deutsche Kreditbank",
}
TODAY = date(2026, 11, 23)


def order(n: int, **more: Any) -> PurchaseOrder:
    given = {
        "id": n, "account_id": 7, "division_id": 14, "division_name": "Main", "number": f"PO-{77800 + n}",
        "amount": 500000, "currency": "EUR", "note": None, "contact": None, "submitted_at": NOW,
        "submitted_by": "ann@acme.example",
    }  # fmt: skip
    return PurchaseOrder(**given | more)


def row(one: PurchaseOrder, invoice: dict[str, Any] | None = None, earlier: int | None = None) -> dict[str, Any]:
    return {"order": one, "account_name": "Acme Example Inc.", "invoice": invoice, "earlier": earlier}


LONG = order(
    4, number="2027/EMEA/CERTIFICATES/0000000000000000000000000000000000000017", division_name="Hosting Europe",
    note="Certificates for the shops in 2027.\nSplit over two <b>quarters</b>, مرحبا, 🚀.", contact="Pat Strand-Lee",
)  # fmt: skip
REJECTED = {"rejected_at": NOW, "decided_by": "cara@ca.example", "reason": "The framework contract ended in October."}
APPROVED = {"approved_at": NOW, "decided_by": "cara@ca.example"}
ORDERS = [
    row(LONG, earlier=3), row(order(3, **REJECTED)),
    row(order(2, **APPROVED), {"id": 9, "number": "PR-2026-000009"}),
    row(order(1, canceled_at=NOW, decided_by="ann@acme.example", amount=1234567890)),
]  # fmt: skip
LISTED = {
    "total": 4,
    "filters": {"status": "all", "search": ""},
    "before": None,
    "first": False,
    "division": None,
    "earlier": None,
    "key": "k",
    "form": {},
    "error": "",
}
MAY = {"may_submit": True, "agreed": True, "divisions": [MAIN, HOSTING], "currency": "EUR"}
MAY_NOT = {"may_submit": False, "agreed": False, "divisions": [], "currency": None}


def owed(n: int, total: int, paid: int = 0, **more: Any) -> Receivable:
    given = {
        "invoice_id": n, "number": f"PR-2026-{n:06}", "kind": "purchase_order", "account_id": 7, "division_id": 14,
        "currency": "EUR", "due_on": TODAY + timedelta(days=n - 2), "total": total, "paid": paid, "credited": 0,
    }  # fmt: skip
    return Receivable(**given | more)


OWED = [owed(1, 60000), owed(2, 500000, 200000), owed(3, 1234567890)]
PAY = {
    "rows": OWED, "currency": "EUR", "today": TODAY, "found": True, "separate": False, "divisions": [],
    "container_id": "", "sellers": [], "seller": "6", "after": "", "next": "", "from_funds": None, "key": "k",
}  # fmt: skip
FOR = {"separate": True, "divisions": [MAIN, HOSTING], "container_id": "15"}
SELLERS = {"sellers": [(1, "Issuary Trust Inc."), (6, "Issuary Trust GmbH")]}
MONTHLY = {"rows": [owed(1, 60000, kind="usage"), *OWED[1:]], "from_funds": 135000}
CHOSEN = {"chosen": {1: 60000, 2: 300000}, "amounts": {1: "600.00", 2: "3000.00", 3: "12345678.90"}, "total": 360000}


def payment(n: int = 7001, **more: Any) -> Payment:
    given = {
        "id": n, "account_id": 7, "division_id": 14, "purpose": "invoices", "amount": 360000, "currency": "EUR",
        "method": "wire_transfer", "created_at": NOW, "created_by": "ann@acme.example",
        "expires_at": NOW + timedelta(days=30),
    }  # fmt: skip
    return Payment(**given | more)


SETTLED = payment(7000, received=350000, settled_at=NOW, settled_by="cara@ca.example", bank_reference="2026112000088")
BOUNCED = payment(6999, purpose="deposit", received=360000, settled_at=NOW, settled_by="bank", bank_reference="x",
                  reversed_at=NOW, reversed_by="cara@ca.example", reversal_reason="Returned: no cover")  # fmt: skip
FROM_BALANCE = payment(7000, method="balance", received=360000, settled_at=NOW, settled_by="ann@acme.example",
                       receipt_id=11846)  # fmt: skip
REPLACED = payment(6998, canceled_at=NOW, cancel_reason="replaced by a newer payment for the same invoice")
ITEMS = [(1, "PR-2026-000001", 60000), (2, "PR-2026-000002", 300000)]
ONE = {"bank": BANK, "qr": None, "items": ITEMS, "expected": "3600.00", "may_cancel": True, "error": ""}
QR = epc_qr(BANK, "3600.00", payment().reference)
PAYMENTS = {"rows": [payment(), SETTLED, FROM_BALANCE, BOUNCED, REPLACED], "at": NOW, "next": "?before=1", "first": ""}

SAMPLES = [
    Sample("purchase-orders", "billing", "purchase_orders.html", "/finance/purchase-orders", ANN,
           {"rows": ORDERS, **LISTED, **MAY}),
    Sample("purchase-orders-refused", "billing", "purchase_orders.html", "/finance/purchase-orders", ANN,
           {"rows": [], **LISTED, **MAY, "error": "'ten' is no amount; send digits with a decimal point, like 250.00.",
            "form": {"number": "PO-1", "amount": "ten", "division": "15"}}),
    Sample("purchase-orders-asked", "billing", "purchase_orders.html", "/finance/purchase-orders", ANN,
           {"rows": [], **LISTED, **MAY, "error": "", "earlier": 3,
            "form": {"number": "PO-77803", "amount": "500.00", "division": "15"}}),
    Sample("purchase-orders-not-agreed", "billing", "purchase_orders.html", "/finance/purchase-orders", ANN,
           {"rows": [], **LISTED, **MAY, "agreed": False}),
    Sample("purchase-orders-queue", "billing", "purchase_orders.html", "/finance/purchase-orders", CARA,
           {"rows": ORDERS, **LISTED, **MAY_NOT}),
    Sample("purchase-order", "billing", "purchase_order.html", "/finance/purchase-orders/4", ANN,
           {**row(LONG, earlier=3), "may_cancel": True, "error": ""}),
    Sample("purchase-order-to-decide", "billing", "purchase_order.html", "/finance/purchase-orders/4", CARA,
           {**row(LONG), "may_cancel": False, "error": "A purchase order is rejected with a reason."}),
    Sample("purchase-order-rejected", "billing", "purchase_order.html", "/finance/purchase-orders/3", ANN,
           {**ORDERS[1], "may_cancel": True, "error": ""}),
    Sample("purchase-order-approved", "billing", "purchase_order.html", "/finance/purchase-orders/2", ANN,
           {**ORDERS[2], "may_cancel": True, "error": ""}),
    Sample("pay", "billing", "pay.html", "/finance/pay", ANN, {**PAY, **CHOSEN, "error": ""}),
    Sample("pay-stale", "billing", "pay.html", "/finance/pay", ANN,
           {**PAY, **CHOSEN, "error": "Amount due is 3600.00 EUR, the request expected 5600.00 EUR. Load the invoices "
            "again and send the total that they show."}),
    Sample("pay-for-a-division", "billing", "pay.html", "/finance/pay", ANN,
           {**PAY, **CHOSEN, **FOR, **MONTHLY, "error": ""}),
    Sample("pay-one-of-many-sellers", "billing", "pay.html", "/finance/pay", ANN,
           {**PAY, **CHOSEN, **FOR, **SELLERS, "divisions": [], "after": "2026-11-01.1", "next": "2026-12-01.9",
            "error": ""}),
    Sample("pay-nothing", "billing", "pay.html", "/finance/pay", ANN,
           {**PAY, "rows": [], "chosen": {}, "amounts": {}, "total": 0, "error": ""}),
    Sample("deposit", "billing", "deposit.html", "/finance/deposit", ANN,
           {"form": {}, "divisions": [MAIN, HOSTING], "currency": "EUR", "error": "", "key": "k"}),
    Sample("payments", "billing", "payments.html", "/finance/payments", ANN, {**PAYMENTS, "names": {}}),
    Sample("payments-of-all", "billing", "payments.html", "/finance/payments", CARA,
           {**PAYMENTS, "names": {7: "Acme Example Inc."}}),
    Sample("payments-none", "billing", "payments.html", "/finance/payments", ANN,
           {**PAYMENTS, "rows": [], "names": {}, "next": ""}),
    Sample("payment", "billing", "payment.html", "/finance/payments/7001", ANN,
           {**ONE, "payment": payment(), "state": "pending", "qr": QR}),
    Sample("payment-to-settle", "billing", "payment.html", "/finance/payments/7001", CARA,
           {**ONE, "payment": payment(), "state": "pending", "may_cancel": False}),
    Sample("payment-settled", "billing", "payment.html", "/finance/payments/7000", CARA,
           {**ONE, "payment": SETTLED, "state": "settled", "may_cancel": False}),
    Sample("payment-from-the-balance", "billing", "payment.html", "/finance/payments/7000", CARA,
           {**ONE, "payment": FROM_BALANCE, "state": "settled", "may_cancel": False}),
    Sample("payment-reversed", "billing", "payment.html", "/finance/payments/6999", ANN,
           {**ONE, "payment": BOUNCED, "state": "reversed", "items": []}),
    Sample("payment-replaced", "billing", "payment.html", "/finance/payments/6998", ANN,
           {**ONE, "payment": REPLACED, "state": "canceled"}),
]  # fmt: skip
