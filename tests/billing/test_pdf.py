import hashlib
import io
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pypdf import PdfReader
from pypdf.generic import StreamObject

from services.billing.clients import paper
from services.billing.clients.paper import Buyer, Line, Paper, Seller
from services.billing.clients.pdf import render
from shared.figures import amount as figure

SELLER = Seller(
    name="Issuary Europe B.V.",
    address=["Keizersgracht 1", "1015 CC Amsterdam", "Netherlands"],
    vat_number="NL001234567B01",
    registration_number="KvK 12345678",
    email="billing@issuary.example",
    iban="NL91 ABNA 0417 1643 00",
    bic="ABNANL2A",
    bank="ABN AMRO Bank N.V.",
)
BUYER = Buyer(
    name="Acme",
    legal_name="Acme Example Inc.",
    address=["1 Main Street", "84043 Lehi, UT", "United States"],
    vat_number=None,
    buyer_reference="AP-2026-77",
)

CHARGED = "Charged to account funds on 23 November 2026, receipt 90017, amount due 0.00 EUR."


def a_line(description: str, names: list[str], quantity: int, unit_price: int) -> Line:
    return {
        "description": description,
        "detail": names,
        "quantity": quantity,
        "unit_price": unit_price,
        "net": quantity * unit_price,
        "tax_category": "S",
        "tax_rate": "19.00",
    }


def an_invoice(currency: str = "EUR") -> Paper:
    return {
        "kind": "invoice",
        "number": "INV-2026-000042",
        "issued_on": "2026-11-23",
        "due_on": "2026-12-23",
        "currency": currency,
        "seller": SELLER,
        "buyer": BUYER,
        "purchase_order_number": "4500017731",
        "order": "shop:1201",
        "lines": [
            a_line("GeoTrust DV SSL, 1 year", ["www.acme.example", "acme.example"], 1, 20_000),
            a_line("Additional names, 1 year", ["shop.acme.example"], 12, 100_050),
        ],
        "tax_groups": [{"category": "S", "rate": "19", "net": 1_220_600, "tax": 231_914, "sentence": None}],
        "net": 1_220_600,
        "tax": 231_914,
        "total": 1_452_514,
        "amount_due": 0,
        "payment": CHARGED,
        "notes": [],
    }


def a_credit_note() -> Paper:
    return {
        **an_invoice(),
        "kind": "credit_note",
        "number": "CN-2026-000007",
        "issued_on": "2026-11-24",
        "due_on": None,
        "payment": None,
        "credited": {
            "number": "INV-2026-000042",
            "issued_on": "2026-11-23",
            "how_paid": CHARGED,
            "money_went": "Returned to the account funds on 24 November 2026.",
            "reason": "Order shop:1201 was cancelled.",
        },
    }


def pages(document: bytes) -> list[str]:
    """What a person copies out of the file, white space evened."""
    texts = (page.extract_text().replace("\u200b", "") for page in PdfReader(io.BytesIO(document)).pages)
    return [re.sub(r"\s+", " ", text) for text in texts]


def text_of(document: bytes) -> str:
    return " ".join(pages(document))


def test_an_invoice_shows_every_figure_and_who_pays_whom() -> None:
    shown = text_of(render(an_invoice()))

    for expected in (
        "Invoice INV-2026-000042",
        "23 November 2026",
        "Issuary Europe B.V.",
        "VAT number NL001234567B01",
        "IBAN NL91 ABNA 0417 1643 00",
        "Acme Example Inc.",
        "84043 Lehi, UT",
        "AP-2026-77",
        "4500017731",
        "shop:1201",
        "www.acme.example, acme.example",
        "12 1,000.50 19 % 12,006.00",
        "VAT 19 % on 12,206.00 EUR 2,319.14 EUR",
        "Total 14,525.14 EUR",
        "Amount due 0.00 EUR",
        "Charged to account funds on 23 November 2026, receipt 90017, amount due 0.00 EUR.",
        "Page 1 of 1",
    ):
        assert expected in shown


def test_the_due_day_stands_beside_an_amount_that_is_due_and_beside_no_other() -> None:
    due = text_of(render({**an_invoice(), "amount_due": 1_452_514, "payment": "Please pay by 23 December 2026."}))

    assert "Due on 23 December 2026" in due.replace("14,525.14 EUR ", "")
    assert "Due on" not in text_of(render(an_invoice()))


def test_reverse_charge_prints_its_sentence_and_both_vat_numbers() -> None:
    sentence = "Reverse charge. VAT number of the supplier NL001234567B01, VAT number of the customer DE123456789."
    shown = text_of(
        render(
            {
                **an_invoice(),
                "tax_groups": [
                    {"category": "AE", "rate": "0", "net": 1_220_600, "tax": 0, "sentence": "Reverse charge"}
                ],
                "tax": 0,
                "total": 1_220_600,
                "notes": [sentence],
            }
        )
    )

    assert "VAT 0 % on 12,206.00 EUR Reverse charge 0.00 EUR" in shown
    assert sentence in shown


def test_a_seller_may_have_no_bank_and_no_register() -> None:
    seller: Any = {"name": "Issuary Europe B.V.", "address": ["Keizersgracht 1"], "vat_number": None}
    shown = text_of(render({**an_invoice(), "seller": seller}))

    assert "Issuary Europe B.V. Keizersgracht 1" in shown
    assert not re.search("IBAN|Registration|VAT number", shown)


def test_a_credit_note_names_the_invoice_how_it_was_paid_and_where_the_money_went() -> None:
    shown = text_of(render(a_credit_note()))

    for expected in (
        "Credit note CN-2026-000007",
        "Corrects invoice INV-2026-000042",
        "Reason: Order shop:1201 was cancelled.",
        "Invoice INV-2026-000042 of 23 November 2026: Charged to account funds on 23 November 2026, receipt 90017",
        "Returned to the account funds on 24 November 2026.",
        "Total 14,525.14 EUR",
    ):
        assert expected in shown
    assert "Amount due" not in shown


@pytest.mark.parametrize(
    ("currency", "total"), [("JPY", "1,452,514 JPY"), ("KWD", "1,452.514 KWD"), ("EUR", "14,525.14 EUR")]
)
def test_a_currency_has_its_own_decimals(currency: str, total: str) -> None:
    assert f"Total {total}" in text_of(render(an_invoice(currency)))


@pytest.mark.parametrize("kind", ["invoice", "credit_note"])
def test_the_same_paper_gives_the_same_bytes_in_any_thread(kind: str) -> None:
    made = an_invoice() if kind == "invoice" else a_credit_note()

    with ThreadPoolExecutor(4) as threads:
        hashes = {hashlib.sha256(document).hexdigest() for document in threads.map(lambda _: render(made), range(12))}

    assert len(hashes) == 1


def test_it_says_that_it_is_pdf_a_3b_and_bears_the_day_of_issue() -> None:
    document = PdfReader(io.BytesIO(render(an_invoice())))
    metadata = document.root_object["/Metadata"].get_object()

    assert document.metadata is not None
    assert document.metadata.title == "Invoice INV-2026-000042"
    assert str(document.metadata.get("/CreationDate")).startswith("D:20261123000000")
    assert str(document.metadata.get("/ModDate")).startswith("D:20261123000000")
    assert isinstance(metadata, StreamObject)
    assert b"<pdfaid:part>3</pdfaid:part>" in metadata.get_data()
    assert b"<pdfaid:conformance>B</pdfaid:conformance>" in metadata.get_data()


@pytest.mark.parametrize(
    "text",
    [
        '#panic("x") *bold* _it_ $x^2$ `code` @ref <label> // no',
        '\\u{41} [#image("/etc/passwd")] ]}) /* x */ \'q\' "q"',
        '<script>alert("1")</script> &amp; %s {{ 7*7 }}',
        "= Heading",
        "- item",
        "Κύπρος Київ Łódź Þórshöfn 日本株式会社 대한민국",
    ],
)
def test_text_of_others_is_shown_as_it_is(text: str) -> None:
    shown = text_of(render({**an_invoice(), "buyer": {**BUYER, "legal_name": text, "address": [text]}}))

    assert shown.count(text) == 2


def test_right_to_left_names_are_there_and_the_figures_stay_in_place() -> None:
    shown = text_of(render({**an_invoice(), "buyer": {**BUYER, "legal_name": "חברת דוגמה 12,00"}}))

    assert "חברת" in shown
    assert "Total 14,525.14 EUR" in shown


def test_characters_that_reorder_text_or_have_no_glyph_do_not_stop_a_document() -> None:
    shown = text_of(
        render({**an_invoice(), "buyer": {**BUYER, "legal_name": "A\u202eB\u2066C\x07D\U0001f9ffE\tF\n\ue123"}})
    )

    assert "ABC�D\U0001f9ffE F" in shown
    assert " � " in shown


def test_a_mark_that_no_font_can_set_on_its_letter_is_seen_beside_it() -> None:
    shown = text_of(
        render(
            {**an_invoice(), "buyer": {**BUYER, "legal_name": "Zoe\u0308 \u0657\u2128\u0363 \u0657\u2128\u0363 GmbH"}}
        )
    )

    assert "Zoë" in unicodedata.normalize("NFC", shown)
    assert shown.count("\u2128\ufffd") == 2


def test_250_long_names_wrap_over_pages_with_the_table_head_repeated() -> None:
    names = [f"{'a' * 63}.{'b' * 63}.{'c' * 63}.host-{n}.example" for n in range(250)]
    shown = pages(render({**an_invoice(), "lines": [a_line("Multi-Domain", names, 1, 1_220_600)]}))

    assert len(shown) > 5
    assert all("Unit price, EUR" in page for page in shown[:-1])
    assert all(f"Page {n} of {len(shown)}" in page for n, page in enumerate(shown, 1))
    assert all("Invoice INV-2026-000042, 23 November 2026" in page for page in shown[1:])
    assert "".join(shown).replace(" ", "").count(".example") >= 250


def test_a_word_without_end_stays_in_its_column() -> None:
    document = PdfReader(io.BytesIO(render({**an_invoice(), "buyer": {**BUYER, "legal_name": "W" * 255}})))
    facts = re.sub(r"\s+", " ", document.pages[0].extract_text(extraction_mode="layout"))

    assert facts.replace("\u200b", "").count("W") == 255
    assert max(len(run) for run in re.findall(r"W+", facts.replace("\u200b", ""))) < 30


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (0, "EUR", "0.00"),
        (5, "EUR", "0.05"),
        (-123_456_789, "EUR", "−1,234,567.89"),
        (7, "KWD", "0.007"),
        (-1, "JPY", "−1"),
        (12_345, "UYW", "1.2345"),
    ],
)
def test_figures_have_separators_and_a_true_minus(amount: int, currency: str, shown: str) -> None:
    assert figure(amount, currency) == shown


@pytest.mark.parametrize(
    ("rate", "shown"), [("19.00", "19 %"), ("8.10", "8.1 %"), ("0", "0 %"), ("20", "20 %"), ("5.5", "5.5 %")]
)
def test_a_rate_is_written_without_idle_zeros(rate: str, shown: str) -> None:
    assert paper.percent(rate) == shown
