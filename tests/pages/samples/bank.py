from datetime import date, timedelta
from typing import Any

from services.billing.models import BankFile, BankLine
from tests.pages.samples.base import CARA, NOW, Sample
from tests.pages.samples.paying import payment

DAY = date(2026, 11, 20)
NOBODYS = "It names neither an announced payment nor an invoice. Assign it to an account, or dismiss it."


def file(n: int = 3, **more: Any) -> BankFile:
    given = {
        "id": n, "name": f"2026112{n}_CAMT053_DE02120300000000202051.xml", "received_at": NOW,
        "received_by": "cara@ca.example", "ibans": ["DE02120300000000202051"], "statement_ids": ["STMT-20261121-1"],
        "credits": 48, "returns": 1, "known": 3, "pending": 2, "debits": 7,
    }  # fmt: skip
    return BankFile(**given | more)


def line(n: int, **more: Any) -> BankLine:
    given = {
        "id": n, "file_id": 3, "iban": "DE02120300000000202051", "kind": "credit", "amount": 10000, "currency": "EUR",
        "bank_reference": f"20261120000880{n:02}", "booked_on": DAY, "valued_on": DAY, "gives_back": False,
        "payer": "ACME EXAMPLE GMBH", "text": "ISS-7001-4K thank you", "tried_at": NOW,
    }  # fmt: skip
    return BankLine(**given | more)


BOOKED = line(1, payment_id=7001, assigned_at=NOW, assigned_by="bank file 20261120.xml")
OPEN = line(
    2, payer="Strand-Featherstonehaugh & Söhne Handelsgesellschaft mbH", amount=1234567890, note=NOBODYS,
    text="RNR 2026/11/000000017 KD-NR 88123 ZERTIFIKATE <b>Q4</b> مرحبا 🚀 " + "X" * 60,
)  # fmt: skip
MATCHING = line(3, tried_at=None, payer="", text="")
EXPIRED = line(
    4, names_payment_id=7001,
    note="It names payment ISS-7001-4K, which is expired. Assign it to account 7 if it is other money of it.",
)  # fmt: skip
BACK = line(5, kind="return", names_payment_id=7000, note="The bank took back payment ISS-7000-5B. Reverse it.",
            text="Rueckruf 2026112000088001 FOCR Following cancellation request")  # fmt: skip
REVERSED = line(6, kind="return", payment_id=7000, assigned_at=NOW, assigned_by="cara@ca.example")
DISMISSED = line(7, payer="Ann Lee", text="Salary 11/2026", dismissed_at=NOW, dismissed_by="cara@ca.example",
                 reason="A salary that came back; it is no customer's money.")  # fmt: skip
YEN = line(8, currency="JPY", amount=12000, note="It is in JPY, and account 7 keeps its book in EUR. Send it back, or "
           "exchange it and deposit what it brought in EUR.", text="振込 カ)アクメ")  # fmt: skip
ROWS = [
    {"BankLine": one, "account_id": one.payment_id and 7, "account_name": one.payment_id and "Acme Example Inc."}
    for one in (BOOKED, OPEN, MATCHING, EXPIRED, BACK, REVERSED, DISMISSED, YEN)
]
FORM = {"account_id": "", "division_id": "", "invoices": "", "reason": ""}
ONE: dict[str, Any] = {"file": file(), "payment": None, "reference": "", "form": FORM, "error": ""}
NAMED = {"payment": payment(), "reference": "ISS-7001-4K", "form": FORM | {"account_id": "7", "division_id": "14"}}
FILES, LINES = "/finance/bank-files", "/finance/bank-files/lines"
EARLIER = file(2, name="statement.xml", received_at=NOW - timedelta(days=1), ibans=["DE02120300000000202051", "000123"])

SAMPLES = [
    Sample("bank-files", "billing", "bank_files.html", FILES, CARA,
           {"rows": [file(), EARLIER], "next": "?before=2", "first": "", "error": ""}),
    Sample("bank-files-refused", "billing", "bank_files.html", FILES, CARA,
           {"rows": [], "next": "", "first": "", "error": "The file is cut off or is no XML (no element found: "
            "line 31, column 0). Get the file from the bank again; nothing of it was taken."}),
    Sample("bank-file", "billing", "bank_file.html", f"{FILES}/3", CARA,
           {"file": file(), "counts": {"matching": 1, "open": 4, "booked": 2, "dismissed": 1}, "repeated": False,
            "rows": ROWS, "next": "?after=8", "first": ""}),
    Sample("bank-file-repeated", "billing", "bank_file.html", f"{FILES}/3", CARA,
           {"file": file(credits=3, returns=0), "counts": {"matching": 0, "open": 0, "booked": 0, "dismissed": 0},
            "repeated": True, "rows": [], "next": "", "first": ""}),
    Sample("bank-lines", "billing", "bank_lines.html", LINES, CARA,
           {"rows": [ROWS[1], ROWS[3], ROWS[4], ROWS[7]], "wanted": "open", "next": "?after=8", "first": ""}),
    Sample("bank-lines-none", "billing", "bank_lines.html", LINES, CARA,
           {"rows": [], "wanted": "open", "next": "", "first": ""}),
    Sample("bank-line", "billing", "bank_line.html", f"{LINES}/2", CARA,
           {**ONE, "line": OPEN, "error": "There is no invoice 'RNR' to pay in account 7; check its number.",
            "form": FORM | {"account_id": "7", "division_id": "14", "invoices": "RNR"}}),
    Sample("bank-line-expired", "billing", "bank_line.html", f"{LINES}/4", CARA, {**ONE, **NAMED, "line": EXPIRED}),
    Sample("bank-line-taken-back", "billing", "bank_line.html", f"{LINES}/5", CARA, {**ONE, **NAMED, "line": BACK}),
    Sample("bank-line-booked", "billing", "bank_line.html", f"{LINES}/1", CARA, {**ONE, **NAMED, "line": BOOKED}),
    Sample("bank-line-dismissed", "billing", "bank_line.html", f"{LINES}/7", CARA, {**ONE, "line": DISMISSED}),
]  # fmt: skip
