"""What a bank writes comes through as it is: amounts, references, days, and whose money it is."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.rules import printed
from services.billing.rules.camt import LARGEST_FILE, BankEntry, Statement, read_camt
from services.billing.rules.references import invoice_numbers_in
from shared.errors import Rejected

FILES = Path(__file__).parent / "camt"
DAY = date(2026, 11, 20)
IBAN = "DE02120300000000202051"


def camt(name: str, **given: str) -> bytes:
    """A file of tests/billing/camt, with what a test has to put into it."""
    content = (FILES / f"{name}.xml").read_bytes()
    for key, value in given.items():
        content = content.replace(f"@{key.upper()}@".encode(), escape(value).encode())
    return content


def read(name: str, **given: str) -> Statement:
    [statement] = read_camt(camt(name, **given))
    return statement


def an_entry(**changed: Any) -> BankEntry:
    told: dict[str, Any] = {
        "kind": "credit", "reference": "2026112000088001", "amount": 10000, "currency": "EUR", "booked_on": DAY,
        "valued_on": DAY, "text": "ISS-7001-4K thank you", "payer": "ACME EXAMPLE GMBH", "gives_back": False,
    }  # fmt: skip
    return BankEntry(**told | changed)


def test_a_sepa_transfer_is_read_and_a_fee_is_counted() -> None:
    found = read("sepa_credit", text="ISS-7001-4K")

    assert found == Statement("0352C5320261120210311", IBAN, "EUR", (an_entry(),), pending=0, debits=1)


def test_each_transfer_of_a_batch_stands_by_itself() -> None:
    found = read("batch", text="Rechnung 12")

    told = [(one.reference, one.amount, one.payer, one.text) for one in found.entries]
    assert told == [
        ("TX-7701", 10000, "Acme Example GmbH", "Rechnung 12"),
        ("TX-7702", 5050, "Globex AG", "RF18539007547034"),
        ("TX-7703", 3000, "Initech", "Sammelgutschrift"),
    ]
    assert {(one.booked_on, one.valued_on) for one in found.entries} == {(date(2026, 11, 21), date(2026, 11, 22))}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'<ns2:Amt Ccy="EUR">30.00<', b'<ns2:Amt Ccy="EUR">29.99<'),  # a fee that nobody explains
        (b'<ns2:Amt Ccy="EUR">30.00<', b'<ns2:Amt Ccy="USD">30.00<'),
        (b'<ns2:Amt Ccy="EUR">30.00</ns2:Amt>', b""),
        (b"30.00</ns2:Amt><ns2:CdtDbtInd>CRDT", b"30.00</ns2:Amt><ns2:CdtDbtInd>DBIT"),
    ],
)
def test_a_batch_that_does_not_add_up_stays_the_one_sum_that_came(old: bytes, new: bytes) -> None:
    [statement] = read_camt(camt("batch", text="Rechnung 12").replace(old, new))

    [whole] = statement.entries
    assert (whole.reference, whole.amount) == ("BATCH-77", 18050)
    assert (whole.text, whole.payer) == ("Rechnung 12 RF18539007547034", "Acme Example GmbH, Globex AG, Initech")


def test_transfers_of_a_batch_without_references_of_their_own_are_counted() -> None:
    content = camt("batch", text="x").replace(b"TX-7702", b"TX-7701")

    assert [one.reference for one in read_camt(content)[0].entries] == ["BATCH-77/1", "BATCH-77/2", "BATCH-77/3"]


def test_what_is_not_booked_yet_is_left_to_the_statement_that_books_it() -> None:
    found = read("pending")

    assert (found.pending, found.debits, len(found.entries)) == (2, 0, 1)
    [booked] = found.entries
    assert booked.reference == f"{IBAN}/STMT-20261122/B7"  # the bank gave none
    assert (booked.payer, booked.text) == ("Müller & Söhne", "für Zertifikate")  # ISO-8859-1


def test_money_taken_back_names_what_it_takes_back_and_money_given_back_is_marked() -> None:
    taken, given_back = read("return", reference="2026112000088001").entries

    assert (taken.kind, taken.amount, taken.payer, taken.gives_back) == ("return", 10000, "ACME EXAMPLE GMBH", False)
    assert taken.text == "Rueckruf 2026112000088001 FOCR Following cancellation request 2026112400011001"
    assert (given_back.kind, given_back.amount, given_back.gives_back) == ("credit", 210000, True)


def test_an_account_without_iban_and_amounts_with_fewer_decimals_are_read() -> None:
    usd, jpy = read("usd", text="ISS-1-0A"), read("jpy")

    assert (usd.iban, usd.entries[0].amount, usd.entries[0].currency) == ("000000123456789", 37950, "USD")
    assert usd.entries[0].reference == "000000123456789/000000123456789-20261120/0001"
    assert usd.entries[0].text == "WIRE TYPE:WIRE IN ISS-1-0A"
    assert (jpy.entries[0].amount, jpy.entries[0].currency) == (12000, "JPY")
    assert jpy.entries[0].text == "振込 カ)アクメ"


@pytest.mark.parametrize("prepare", [lambda text: b"\xef\xbb\xbf" + text.encode(), lambda text: text.encode("utf-16")])
def test_a_mark_of_byte_order_is_no_fault(prepare: Any) -> None:
    text = camt("sepa_credit", text="ISS-7001-4K").decode().split("?>\n", 1)[1]

    assert read_camt(prepare(text))[0].entries == (an_entry(),)


def test_an_envelope_around_the_document_is_no_fault() -> None:
    document = camt("sepa_credit", text="ISS-7001-4K").split(b"?>\n", 1)[1]

    assert read_camt(b"<Envelope><Header/>" + document + b"</Envelope>")[0].entries == (an_entry(),)


def test_one_reference_for_two_transfers_makes_none_of_them_vanish() -> None:
    content = camt("sepa_credit", text="x").replace(b"DBIT", b"CRDT").replace(b"88002", b"88001")

    references = [one.reference for one in read_camt(content)[0].entries]
    assert references == ["2026112000088001", "2026112000088001/2"]


BOMB = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">&b;</Document>"""
OUTSIDE = BOMB.replace(b'"ha"', b'SYSTEM "file:///etc/passwd"')
FINE = camt("sepa_credit", text="x")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (camt("cut_off"), "cut off"),
        (FINE[:-20], "cut off"),
        (b"%PDF-1.7", "is no XML"),
        (FINE.replace(b"UTF-8", b"KOI-99"), "is no XML"),
        (FINE.replace(b"x</Ustrd>", b"\xe4</Ustrd>"), "is no XML"),
        (camt("no_camt"), "The file is camt.054, not a camt.053"),
        (b"<html><body/></html>", "not a camt.053"),
        (b"<Document xmlns='urn:other'/>", "of the namespace 'urn:other'"),
        (BOMB, "declares a document type"),
        (OUTSIDE, "declares a document type"),
        (b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.02'/>", "without any statement"),
        (b" " * (LARGEST_FILE + 1), "larger than 20 MiB"),
        (FINE.replace(b'"EUR">100.00<', b'"EUR">100.001<'), "Entry 1 of statement 0352C5320261120210311: 100.001 has"),
        (FINE.replace(b'"EUR">100.00<', b'"JPY">100.50<'), "more decimals than JPY has (0)"),
        (FINE.replace(b'"EUR">100.00<', b'"EUR">-100.00<'), "is negative"),
        (FINE.replace(b'"EUR">100.00<', b'"EUR">1e3<'), "is no amount"),
        (FINE.replace(b'"EUR">100.00<', b'"XYZ">100.00<'), "is no ISO 4217 currency"),
        (FINE.replace(b'"EUR">100.00<', b'"EUR">9999999999999999.00<'), "more than can be booked"),
        (FINE.replace(b'<Amt Ccy="EUR">12.50</Amt>', b""), "Entry 2 of statement 0352C5320261120210311: It has no"),
        (FINE.replace(b"2026-11-20<", b"20.11.2026<"), "is no day"),
        (FINE.replace(b"<BookgDt>", b"<X>").replace(b"</BookgDt>", b"</X>").replace(b"ValDt", b"Y"), "neither when"),
        (FINE.replace(b"<CdtDbtInd>CRDT</CdtDbtInd>\n        <Sts>", b"<Sts>"), "CdtDbtInd is ''"),
        (FINE.replace(b"<IBAN>DE02120300000000202051</IBAN>", b""), "does not say its number or its account"),
    ],
)
def test_what_is_no_whole_statement_is_refused_with_a_sentence(content: bytes, says: str) -> None:
    with pytest.raises(Rejected, match=r"\.$") as refused:
        read_camt(content)

    assert says in refused.value.message


# ── whatever a bank writes ───────────────────────────────────────────────────────────────────────────────────────────

CURRENCIES = st.sampled_from([("EUR", 2), ("USD", 2), ("JPY", 0), ("KWD", 3)])
WORDS = st.text(st.sampled_from("abXYZ019äß€中😀&<>'\"-/.:\u202e"), min_size=1, max_size=40)
FOUR = st.lists(WORDS, min_size=4, max_size=4)
VERSIONS = st.sampled_from(["02", "04", "08", "13"])
SUMS = st.lists(st.integers(1, 10**12), min_size=1, max_size=4)


@st.composite
def booked(draw: Any) -> dict[str, Any]:
    currency, places = draw(CURRENCIES)
    return {
        "currency": currency, "places": places, "sums": draw(SUMS), "texts": draw(FOUR),
        "day": DAY + timedelta(days=draw(st.integers(0, 9000))), "version": draw(VERSIONS),
    }  # fmt: skip


def written(n: int, one: dict[str, Any]) -> str:
    def amount(minor: int) -> str:
        return f'<Amt Ccy="{one["currency"]}">{Decimal(minor).scaleb(-one["places"]):f}</Amt>'

    details = "".join(
        f"<TxDtls><Refs><AcctSvcrRef>T-{n}-{k}</AcctSvcrRef></Refs>{amount(minor)}"
        f"<RmtInf><Ustrd>{escape(one['texts'][k])}</Ustrd></RmtInf></TxDtls>"
        for k, minor in enumerate(one["sums"])
    )
    return (
        f"<Ntry>{amount(sum(one['sums']))}<CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{one['day']}</Dt></BookgDt><NtryDtls>{details}</NtryDtls></Ntry>"
    )


@given(st.lists(booked(), max_size=5), st.sampled_from(["utf-8", "utf-16"]))
def test_every_amount_reference_and_text_survives(entries: list[dict[str, Any]], encoding: str) -> None:
    version = entries[0]["version"] if entries else "08"
    text = (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt><Stmt><Id>S</Id>'
        f"<Acct><Id><IBAN>{IBAN}</IBAN></Id></Acct>{''.join(written(n, one) for n, one in enumerate(entries))}"
        "</Stmt></BkToCstmrStmt></Document>"
    )

    [found] = read_camt(text.encode(encoding))

    assert [(one.reference, one.amount, one.currency, one.text, one.booked_on) for one in found.entries] == [
        (f"T-{n}-{k}", minor, one["currency"], one["texts"][k], one["day"])
        for n, one in enumerate(entries)
        for k, minor in enumerate(one["sums"])
    ]
    for one in found.entries:
        assert printed(one.amount, one.currency)


@given(st.binary(max_size=400))
def test_whatever_is_sent_is_refused_with_a_sentence_and_nothing_else(content: bytes) -> None:
    with pytest.raises(Rejected):
        read_camt(content)


@given(st.integers(0, len(FINE) - 1))
def test_half_a_file_is_never_taken(length: int) -> None:
    if FINE[:length].rstrip().endswith(b"</Document>"):
        return
    with pytest.raises(Rejected):
        read_camt(FINE[:length])


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Rechnung PR-2026-000123 vom 5.11.", ["PR-2026-000123"]),
        ("pr 2026 000123/usinv2026000001", ["PR-2026-000123", "USINV-2026-000001"]),
        ("PR-2026-000123, PR-2026-000123", ["PR-2026-000123"]),
        ("APR-2026-000123", ["APR-2026-000123"]),  # another series, not ours with a letter before it
        ("PR-2026-00012", []),
        ("", []),
    ],
)
def test_numbers_of_invoices_are_found_in_what_a_payer_wrote(text: str, numbers: list[str]) -> None:
    assert invoice_numbers_in(text) == numbers
