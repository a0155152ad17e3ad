from typing import Any

from services.billing.models import Account, Division, Funds, Invoice, Purse
from services.billing.queries.divisions import Due, Row
from services.billing.rules import Standing
from tests.pages.samples.base import ANN, CARA, Sample
from tests.pages.samples.paying import HOSTING, MAIN, ORDERS, TODAY

ACME = Account(id=7, name="Acme Example Inc.", currency="EUR", top_division_id=14)
LABS = Division(id=16, account_id=7, name="Research and Development, Certificates for Laboratories <b>")


def funds(division: int, balance: int, unpaid: int = 0, **more: Any) -> Funds:
    given = {
        "division_id": division, "account_id": 7, "currency": "EUR", "balance": balance, "accrued": unpaid,
        "invoiced": 0, "negative_limit": 0, "unlimited": False, "separate": False, "used_credit": 0, "seq": 9,
    }  # fmt: skip
    return Funds(**given | more)


TOP = funds(14, 125000, 30000, negative_limit=200000, separate=True, used_credit=123456789 + 15000)
LAB, HOST = funds(16, -15000), funds(15, -123456789)
ROWS = [
    Row(HOSTING, Purse(HOST, TOP), Due(12, 123456789, 60000)), Row(MAIN, Purse(TOP, TOP), Due(2, 560000)),
    Row(LABS, Purse(LAB, TOP), Due()),
]  # fmt: skip
LISTED = {
    "asked": {"account_id": ""}, "error": "", "account": ACME, "funds": TOP, "rows": ROWS, "due": 124016789,
    "overdue": 60000, "next": "?after=16", "first": "",
}  # fmt: skip
SHARED = funds(14, 125000, unlimited=True)
SHARING = {
    **LISTED, "funds": SHARED, "rows": [Row(HOSTING, None, Due(1, 500)), Row(MAIN, Purse(SHARED, SHARED), Due())],
    "overdue": 0, "next": "",
}  # fmt: skip


def invoice(n: int, due: int, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "id": n, "number": f"INV-2026-{n:06}", "kind": "usage", "order_id": None, "order_source": None,
        "request_id": None, "purchase_order_number": None, "issued_on": TODAY,
        "due_on": TODAY, "currency": "EUR", "total": 135303,
    }  # fmt: skip
    return {"invoice": Invoice(**given | more), "standing": Standing(135303 - due, 0, 0, due, False, n == 1)}


ONE = {
    "division": LABS, "account": ACME, "purse": Purse(LAB, TOP), "due": Due(1, 135303, 135303), "former": None,
    "orders": [row["order"] for row in ORDERS[:2]],
    "invoices": [invoice(2, 0, kind="order", order_id=1201), invoice(1, 135303)], "today": TODAY, "key": "k",
    "may_transfer": True, "others": [HOSTING, MAIN], "form": {}, "error": "",
}  # fmt: skip
BARE = {**ONE, "due": Due(), "orders": [], "invoices": [], "may_transfer": False, "others": []}

SAMPLES = [
    Sample("divisions", "billing", "divisions.html", "/finance/divisions", ANN, LISTED),
    Sample("divisions-shared", "billing", "divisions.html", "/finance/divisions", ANN, SHARING),
    Sample("divisions-of-an-account", "billing", "divisions.html", "/finance/divisions", CARA,
           {**LISTED, "asked": {"account_id": "7"}}),
    Sample("divisions-of-whom", "billing", "divisions.html", "/finance/divisions", CARA,
           {"asked": {"account_id": ""}, "error": "", "account": None}),
    Sample("divisions-of-nobody", "billing", "divisions.html", "/finance/divisions", CARA,
           {"asked": {"account_id": "8"}, "error": "There is no account 8 with funds here; check its number.",
            "account": None}),
    Sample("division", "billing", "division.html", "/finance/divisions/16", ANN, ONE),
    Sample("division-refused", "billing", "division.html", "/finance/divisions/16", CARA,
           {**ONE, "others": [], "form": {"amount": "2500.00", "to_division": "15"},
            "error": "Labs has 1850.00 EUR available; transfer at most that."}),
    Sample("division-sharing", "billing", "division.html", "/finance/divisions/16", ANN,
           {**BARE, "purse": Purse(SHARED, SHARED), "former": LAB}),
]  # fmt: skip
