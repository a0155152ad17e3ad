"""The pages of bank files, by forms as a browser sends them."""

import re
from typing import Any

import httpx
import pytest

from services.billing.worker import match_bank_lines
from tests.billing.test_bank_camt import camt
from tests.billing.test_pages import signed_in, words
from tests.billing.test_payments import announce, balance, invoiced, shown
from tests.billing.test_purchase_orders import market
from tests.conftest import World

__all__ = ["market"]  # a fixture
FILES, LINES = "/finance/bank-files", "/finance/bank-files/lines"
STAFF = {"role": "operator", "account_id": 0, "email": "cara@ca.example", "user_id": 9}


async def post(http: httpx.AsyncClient, page: str, files: Any = None, **form: Any) -> httpx.Response:
    token = re.search(r'name="csrf" value="([^"]*)"', (await http.get(page)).text)
    assert token, "the page has no form"
    return await http.post(page, data={"csrf": token[1], **form}, files=files)


async def upload(world: World, http: httpx.AsyncClient, content: bytes, name: str = "20.xml") -> httpx.Response:
    answer = await post(http, FILES, {"file": (name, content, "text/xml")})
    while await match_bank_lines(world.billing.db):
        pass
    return answer


async def a_reference(world: World) -> tuple[int, str]:
    invoice = await invoiced(world)
    return invoice, (await announce(world, (invoice, "100.00"), total="100.00")).json()["reference"]


async def test_an_uploaded_file_says_what_came_and_leads_to_each_line(market: World) -> None:
    invoice, reference = await a_reference(market)
    async with signed_in(market, **STAFF) as http:
        assert "Bank files" in words(await http.get("/finance/payments"))
        sent = await upload(market, http, camt("batch", text=reference), "<b>21</b>.xml")
        assert sent.status_code == 303
        result = await http.get(sent.headers["location"])
        assert "<b>21</b>" not in result.text
        text = words(result)
        for said in ("Credits 3", "Booked 1", "Open 2", "Acme Example GmbH", "Globex AG", "names neither", "50.50"):
            assert said in text, (said, text)
        listed, opened = words(await http.get(FILES)), words(await http.get(LINES))
        again = await upload(market, http, camt("batch", text=reference), "other.xml")
        assert "This file was taken before." in words(await http.get(again.headers["location"]))

    assert "&lt;b&gt;21&lt;/b&gt;.xml" in listed
    assert ("Globex AG" in opened, "Acme Example GmbH" in opened) == (True, False)
    assert (await shown(market, invoice))[0] == "paid"


@pytest.mark.parametrize(
    ("content", "says"), [(camt("cut_off"), "cut off"), (camt("no_camt"), "not a camt.053"), (b"", "The file is empty")]
)
async def test_what_is_no_statement_comes_back_with_a_sentence(market: World, content: bytes, says: str) -> None:
    async with signed_in(market, **STAFF) as http:
        answer = await upload(market, http, content)
        missing = await post(http, FILES)

    assert (answer.status_code, says in answer.text) == (400, True)
    assert (missing.status_code, "No file was chosen" in missing.text) == (400, True)


async def line_of(http: httpx.AsyncClient, payer: str) -> str:
    text = (await http.get(f"{LINES}?status=all")).text
    found = re.search(rf'href="({LINES}/\d+)">{payer}<', text)
    assert found, text
    return found[1]


async def test_an_open_line_is_assigned_by_its_form(market: World) -> None:
    older, wanted = await invoiced(market), await invoiced(market, "20.00", "PO-2")
    [row] = await market.rows("billing", "SELECT number FROM invoice WHERE id = :id", id=wanted)
    async with signed_in(market, **STAFF) as http:
        await upload(market, http, camt("batch", text="x"))
        line = await line_of(http, "Globex AG")
        refused = await post(http, line, do="assign", account_id="9001", division_id="14", invoices="PR-1 PR-2")
        assert (refused.status_code, "no invoice &#39;PR-1&#39;" in refused.text) == (404, True)
        assert re.search(r"<textarea name=\"invoices\"[^>]*>PR-1 PR-2</textarea>", refused.text)
        nobody = await post(http, line, do="assign", account_id="Globex", division_id="14")
        assert (nobody.status_code, "the account is a number" in nobody.text) == (400, True)
        sent = await post(http, line, do="assign", account_id=" 9001", division_id="14", invoices=f"\n{row.number}\n")
        assert sent.status_code == 303, sent.text
        page = await http.get(line)
        assert "Booked" in words(page)
        assert "Acme" in words(await http.get(f"{LINES}?status=booked"))

    assert (await shown(market, wanted))[0] == "paid"
    assert (await shown(market, older))[0] == "open"
    assert await balance(market) == "50.50"


async def test_a_line_is_dismissed_with_a_reason(market: World) -> None:
    async with signed_in(market, **STAFF) as http:
        await upload(market, http, camt("batch", text="x"))
        line = await line_of(http, "Initech")
        assert (await post(http, line, do="dismiss", reason=" ")).status_code == 400
        await post(http, line, do="dismiss", reason="Rent <i>back</i>")
        assert "Dismissed: Rent &lt;i&gt;back&lt;/i&gt;" in words(await http.get(line))
        assert "Initech" not in words(await http.get(LINES))
        assert "Initech" in words(await http.get(f"{LINES}?status=dismissed"))


async def test_what_the_bank_took_back_is_reversed_by_its_button(market: World) -> None:
    invoice, reference = await a_reference(market)
    async with signed_in(market, **STAFF) as http:
        await upload(market, http, camt("sepa_credit", text=reference))
        await upload(market, http, camt("return", reference="2026112000088001"))
        assert "Taken back" in words(await http.get(LINES))
        line = re.findall(rf"{LINES}/\d+", (await http.get(LINES)).text)[-1]
        assert "Reverse payment" in words(await http.get(line))
        sent = await post(http, line, do="reverse")
        assert sent.status_code == 303, sent.text
        assert "Payment reversed" in words(await http.get(line))

    assert (await shown(market, invoice))[0] == "open"


async def test_the_pages_of_lines_have_each_once(market: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.billing.pages.bank.PAGE", 2)
    seen: list[str] = []
    async with signed_in(market, **STAFF) as http:
        sent = await upload(market, http, camt("batch", text="x"))
        for start in (LINES, sent.headers["location"]):
            path, seen = start, []
            while path:
                answer = await http.get(path)
                seen += re.findall(rf'href="{LINES}/(\d+)"', answer.text)
                following = re.search(r'href="([^"]*after=[^"]*)"', answer.text)
                path = following[1].replace("&amp;", "&") if following else ""
            assert len(seen) == len(set(seen)) == 3


@pytest.mark.parametrize("path", [FILES, f"{FILES}/1", LINES, f"{LINES}/1"])
async def test_the_pages_are_for_staff(market: World, path: str) -> None:
    async with signed_in(market) as http:
        assert (await http.get(path)).status_code == 403
        assert "Bank files" not in words(await http.get("/finance/payments"))
    async with signed_in(market, **STAFF) as http:
        assert (await http.post(path, data={"do": "dismiss", "reason": "x"})).status_code in (403, 405)


PLANS = [
    ("payment_id IS NULL AND dismissed_at IS NULL AND id > 5 ORDER BY id LIMIT 50", "ix_bank_line_open"),
    ("payment_id IS NOT NULL AND id > 5 ORDER BY id LIMIT 50", "ix_bank_line_booked"),
    ("dismissed_at IS NOT NULL AND id > 5 ORDER BY id LIMIT 50", "ix_bank_line_dismissed"),
    ("file_id = 7 AND id > 5 ORDER BY id LIMIT 50", "ix_bank_line_file_id_id"),
    ("tried_at IS NULL ORDER BY id LIMIT 1", "ix_bank_line_untried"),
    ("iban = 'DE' AND kind = 'credit' AND bank_reference = 'B-77'", "uq_bank_line_iban"),
]
FILL = [
    """INSERT INTO bank_file SELECT n, n::text, 'x', now(), 'x', '[]', '[]', 0, 0, 0, 0, 0
       FROM generate_series(1, 400) n""",
    """INSERT INTO payment (id, account_id, division_id, purpose, amount, currency, method, bank_reference, created_at,
       created_by) SELECT n, 1, 1, 'deposit', 1, 'EUR', 'w', 'B-' || n, now(), 'x' FROM generate_series(1, 20000) n""",
    """INSERT INTO bank_line (file_id, iban, kind, bank_reference, amount, currency, booked_on, text, payer, gives_back,
       tried_at, payment_id, dismissed_at, reason)
       SELECT n % 400 + 1, 'DE', 'credit', 'B-' || n, 1, 'EUR', '2026-01-01', 'x', 'x', false,
       CASE WHEN n % 100 > 0 THEN now() END, CASE WHEN n % 50 > 2 THEN n END, CASE WHEN n % 50 = 2 THEN now() END,
       CASE WHEN n % 50 = 2 THEN 'x' END FROM generate_series(1, 20000) n""",
    "ANALYZE bank_line, payment",
]  # fmt: skip


async def test_every_list_of_lines_and_every_look_for_a_payment_has_its_index(market: World) -> None:
    async with market.billing.db.transaction() as tx:
        connection = await tx.connection()
        for sql in FILL:
            await connection.exec_driver_sql(sql)

        async def plan(sql: str) -> str:
            return "\n".join((await connection.exec_driver_sql(f"EXPLAIN {sql}")).scalars())

        for where, index in PLANS:
            found = await plan(f"SELECT * FROM bank_line WHERE {where}")
            assert index in found, (where, found)
            assert "Seq Scan" not in found
        found = await plan("SELECT * FROM payment WHERE bank_reference IN ('B-77', 'B-78') OR id IN (1, 2)")
        assert ("ix_payment_bank_reference" in found, "Seq Scan" in found) == (True, False)
