"""Own and general prices, lists of prices as files, and the estimate."""

import csv
import io
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.rules import Missing, PriceRow, make_quote
from services.billing.rules.compare import compare, shared_prefix, today_and_later
from services.billing.rules.estimate import Estimate, make_estimate
from services.billing.rules.price_file import AT_MOST, COLUMNS, as_csv, decoded, read_csv
from services.billing.rules.price_list import price_list
from services.billing.rules.price_plan import PricePlan, plan_prices, read_rows
from shared.errors import Rejected
from tests.billing.test_rules_quote import DAY, LONG_AGO, a_price, a_seller, a_tax, catalogue, missing, quote, wanted

ACME, GLOBEX = 9001, 9002
TOMORROW = DAY + timedelta(days=1)
KNOWN = {ACME: "EUR", GLOBEX: "USD"}

# ── an account's own price ───────────────────────────────────────────────────────────────────────────────────────────


def test_an_accounts_own_price_wins_over_the_general_one_even_where_that_is_newer() -> None:
    dated = catalogue(prices=[a_price(14900, valid_from=DAY), a_price(9900, account_id=ACME)])

    assert quote(dated).lines[0].unit_price == 9900
    assert quote(dated, account_id=GLOBEX).lines[0].unit_price == 14900


def test_an_own_price_counts_from_its_day_on_and_only_for_its_term_and_product() -> None:
    dated = catalogue(
        prices=[a_price(14900), a_price(25900, years=2), a_price(9900, account_id=ACME, valid_from=TOMORROW)]
    )

    assert quote(dated).lines[0].unit_price == 14900
    assert quote(dated, on=TOMORROW).lines[0].unit_price == 9900
    assert quote(dated, on=TOMORROW, years=2).lines[0].unit_price == 25900


def test_another_accounts_price_is_no_price() -> None:
    dated = catalogue(prices=[a_price(9900, account_id=GLOBEX)])

    assert missing(dated).reason == "price"


def test_the_price_list_has_what_the_account_pays_today_and_each_price_that_will_count_in_its_turn() -> None:
    general, later = a_price(14900), a_price(15900, valid_from=TOMORROW)
    own = a_price(9900, account_id=ACME, valid_from=DAY + timedelta(days=9))
    own_later = replace(own, base=9500, valid_from=DAY + timedelta(days=20))
    never = a_price(16900, valid_from=DAY + timedelta(days=15))  # the own one counts by then
    dated = catalogue(prices=[general, later, own, own_later, never])

    [mine] = price_list(dated, ACME, "EUR", DAY)
    [theirs] = price_list(dated, GLOBEX, "EUR", DAY)

    assert (mine.now, mine.coming) == (general, (later, own, own_later))
    assert (theirs.now, theirs.coming) == (general, (later, never))
    assert price_list(dated, ACME, "USD", DAY) == []


def test_what_is_only_to_come_has_no_price_today() -> None:
    [offer] = price_list(catalogue(prices=[a_price(valid_from=TOMORROW)]), ACME, "EUR", DAY)

    assert offer.now is None
    assert [row.valid_from for row in offer.coming] == [TOMORROW]


# ── the estimate ─────────────────────────────────────────────────────────────────────────────────────────────────────

names = st.lists(st.sampled_from(["www.a.example", "*.a.example", "a.example", "*.b.example"]), min_size=1, unique=True)


@given(names, st.integers(0, 3), st.integers(0, 10**6), st.booleans(), st.sampled_from([ACME, GLOBEX]))
def test_an_estimate_is_what_the_order_is_charged(
    ordered: list[str], included: int, base: int, own: bool, account: int
) -> None:
    prices = [a_price(base, included_names=included)] + ([a_price(1, account_id=ACME)] if own else [])
    dated, order = catalogue(prices=prices), wanted(names=tuple(ordered), account_id=account)

    estimate, charged = make_estimate(dated, order, DAY), make_quote(dated, order, DAY)

    assert not isinstance(charged, Missing)
    assert (estimate.net, estimate.tax, estimate.total) == (charged.net, charged.tax, charged.total)


def test_only_an_estimate_turns_no_price_into_0() -> None:
    order = wanted(product_name_id="unheard_of")

    assert make_estimate(catalogue(), order, DAY) == Estimate(0, 0, 0)
    assert isinstance(make_quote(catalogue(), order, DAY), Missing)


@pytest.mark.parametrize("lack", [{"taxes": []}, {"sellers": []}])
def test_a_price_without_tax_rule_is_estimated_and_says_that_the_vat_is_not_known(lack: dict[str, Any]) -> None:
    found = make_estimate(catalogue(**lack), wanted(), DAY)

    assert (found.net, found.tax, found.total) == (14900, None, 14900)


def test_the_base_price_goes_with_the_first_name_it_includes() -> None:
    dated = catalogue(prices=[a_price(10000, extra_name=100, extra_wildcard=1000)])

    plain = make_estimate(dated, wanted(names=("a.example", "*.a.example", "b.example")), DAY)
    wild = make_estimate(dated, wanted(names=("*.a.example", "a.example", "*.b.example")), DAY)

    assert (plain.fqdns, plain.wildcards) == (10100, 1000)
    assert (wild.fqdns, wild.wildcards) == (100, 11000)


# ── rows beside rows ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_row_is_new_or_there_or_differs_and_the_first_of_two_in_one_list_counts() -> None:
    there, new = a_price(), a_price(valid_from=TOMORROW)
    other, second = a_price(1), replace(new, base=2)

    found = compare([there], [replace(there), new, other, second])

    assert (found.new, found.unchanged, found.differing) == ([new], [there], [other, second])


def test_no_two_series_share_a_prefix_and_an_entitys_own_may_stay() -> None:
    six, moved = a_seller(6), a_seller(6, valid_from=DAY, invoice_prefix="NEW")

    assert shared_prefix([six, moved]) is None
    assert shared_prefix([six, a_seller(7, invoice_prefix="PR", credit_note_prefix="X", request_prefix="Y")]) == "PR"
    assert shared_prefix([a_seller(6, request_prefix="CN")]) == "CN"


def test_today_is_the_latest_row_of_each_key_and_later_is_what_has_not_begun() -> None:
    old, new, later = a_tax("19"), a_tax("20", valid_from=DAY), a_tax("21", valid_from=TOMORROW)
    other = a_tax("7", "FR")

    assert today_and_later([later, new, old, other], DAY) == ([new, other], [later])


# ── a file of prices ─────────────────────────────────────────────────────────────────────────────────────────────────

HEADER = "product,description,years,currency,base,included_names,extra_name,extra_wildcard,valid_from,account_id\n"
ROW = "ssl_dv,DV,1,EUR,149.00,1,49.00,199.00,2026-01-01,"


def planned(*rows: str, have: Any = None, header: str = HEADER) -> PricePlan:
    return plan_prices(read_rows(read_csv(header + "\n".join(rows))), have or catalogue(prices=[]), KNOWN, DAY)


def refusal(row: str, **more: Any) -> str:
    plan = planned(row, **more)
    assert (plan.new, plan.unchanged) == ([], 0)
    [one] = plan.refused
    assert one.number == 2
    assert one.message.endswith(".")
    return one.message


def test_a_file_is_rows_that_are_new_unchanged_or_refused_by_their_number_in_the_file() -> None:
    have = catalogue(prices=[a_price(14900), a_price(25900, years=2)])

    plan = planned(ROW, "", ROW.replace("2026-01-01", "2027-01-01"), ROW.replace(",1,EUR", ",2,EUR"), have=have)

    assert [(one.number, one.row.valid_from, one.outdated_by) for one in plan.new] == [(4, date(2027, 1, 1), None)]
    assert plan.unchanged == 1
    [refused] = plan.refused
    assert refused.number == 5
    assert (
        "The price of ssl_dv over 2 years in EUR from 2026-01-01 is there already with other values" in refused.message
    )


def test_what_is_not_given_has_its_default() -> None:
    plan = planned("ssl_dv,DV,2,JPY,14900,2027-01-01", header="product,description,years,currency,base,valid_from\n")

    assert plan.new[0].row == PriceRow("ssl_dv", "DV", 2, "JPY", 14900, 1, 0, 0, date(2027, 1, 1), None)


def test_a_row_that_a_newer_one_has_outdated_already_says_so() -> None:
    plan = planned(ROW.replace("2026-01-01", "2025-01-01"), have=catalogue(prices=[a_price()]))

    assert [one.outdated_by for one in plan.new] == [LONG_AGO]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("149.00", "-149.00", "Base takes an amount from 0 up with a decimal point, like 149.00, not '-149.00'."),
        ("149.00", "149,00", "Valid from takes a day"),  # a decimal comma without quotes moves the cells
        ("149.00", '"149,00"', "Base takes an amount"),
        ("149.00", "149.001", "has more decimals than EUR has (2)"),
        ("149.00", "1000000000.01", "is more than a price can be"),
        ("149.00", "9" * 30, "no amount"),
        ("149.00", "1e3", "Base takes"),
        ("149.00", "1_000", "Base takes"),
        ("149.00", "١٤٩", "Base takes"),
        ("149.00", "", "Base is missing; it takes an amount"),
        ("EUR", "XYZ", "'XYZ' is no ISO 4217 currency code"),
        ("EUR", "eur", "Currency takes a currency's three capital letters"),
        ("EUR,149.00", "JPY,149.50", "more decimals than JPY has (0)"),
        (",1,EUR", ",0,EUR", "Years takes a whole number from 1 to 3, not '0'."),
        (",1,EUR", ",4,EUR", "Years takes"),
        (",1,EUR", ",1.0,EUR", "Years takes"),
        ("1,49.00", "251,49.00", "Included names takes a whole number from 0 to 250"),
        ("2026-01-01", "01.01.2027", "Valid from takes a day from 2000 to 2099, like 2027-01-31"),
        ("2026-01-01", "2027-02-30", "Valid from takes a day"),
        ("2026-01-01", "20270101", "Valid from takes a day"),
        ("ssl_dv", "", "Product is missing"),
        (",DV,", f",{'D' * 256},", "Description takes 1 to 255 characters in one line"),
        (",DV,", ',"D\nV",', "Description is one line"),
        (",DV,", ",D\u202eV,", "Description holds a hidden mark"),
        ("2026-01-01,", "2026-01-01,4711", "There is no account 4711; check its number."),
        ("2026-01-01,", "2026-01-01,9002", "Account 9002 keeps its book in USD and never pays in EUR"),
        ("2026-01-01,", "2026-01-01,acme", "Account takes the number of an account"),
        ("2026-01-01,", "2026-01-01,0", "Account takes"),
        ("2026-01-01,", "2026-01-01,,more", 'There is no "more" here'),
    ],
)
def test_a_row_that_is_not_as_described_is_refused_with_its_sentence(old: str, new: str, says: str) -> None:
    assert says in refusal(ROW.replace(old, new, 1))


def test_every_fault_of_a_row_is_said_at_once() -> None:
    said = refusal(ROW.replace("149.00", "x").replace("2026-01-01", "soon"))

    assert "Base takes" in said
    assert "Valid from takes" in said


def test_a_row_that_repeats_another_is_refused_whether_it_says_the_same_or_not() -> None:
    plan = planned(ROW, ROW, ROW.replace("149", "150"), ROW + "9001")

    assert [one.number for one in plan.new] == [2, 5]
    assert [(one.number, one.message[:20]) for one in plan.refused] == [
        (3, "It repeats row 2, wh"), (4, "It repeats row 2, wh"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        ((HEADER + ROW).encode("utf-16"), "is not UTF-8"),
        (HEADER.encode() + b"ssl\xe4", "is not UTF-8"),
        (b"product\0", "NUL character"),
    ],
)
def test_bytes_that_are_no_text_are_refused(content: bytes, says: str) -> None:
    with pytest.raises(Rejected, match=says):
        decoded(content)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEADER, "no row below its header"),
        (HEADER + ",,,\n", "no row below its header"),
        ("colour," + HEADER + ROW, 'There is no column "colour"; the columns are product, '),
        (HEADER.replace("base,", "") + ROW, "The header lacks base; the first row names the columns"),
        (ROW, "There is no column"),
        (HEADER.replace("base,", "base,base,") + ROW, "in the header twice"),
        (HEADER + 'ssl_dv,"DV,1', "is not CSV"),
        (HEADER + (ROW + "\n") * (AT_MOST + 1), "more than 1,000 rows; split the list"),
        ("\n" + HEADER + ROW, "The header lacks"),
    ],
)
def test_a_file_that_is_no_price_list_is_refused_as_a_whole(text: str, says: str) -> None:
    with pytest.raises(Rejected, match=says):
        read_csv(text)


def test_spreadsheets_separate_by_semicolons_too_and_begin_with_a_mark() -> None:
    text = decoded(b"\xef\xbb\xbf" + (HEADER + ROW).replace(",", ";").replace("\n", "\r\n").encode())

    assert read_csv(text) == read_csv(HEADER + ROW)


def test_the_header_is_read_without_case_and_with_spaces() -> None:
    assert read_csv(HEADER.upper().replace("_", " ") + ROW) == read_csv(HEADER + ROW)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20))
def test_no_cell_that_is_written_is_calculated_and_what_is_written_is_read_again(text: str) -> None:
    for sign in ("=", "+", "-", "@", ""):
        description = f"{sign}{text}".strip() or "DV"
        if description.startswith("'"):
            continue
        row = ["ssl_dv", description, 1, "EUR", "149.00", 1, "49.00", "199.00", "2026-01-01", None]
        written = as_csv([COLUMNS_WITHOUT_ACCOUNT_FIRST, row])

        cells = [cell for line in csv.reader(io.StringIO(written)) for cell in line]
        assert not any(cell.startswith(("=", "+", "@")) for cell in cells)
        assert dict(read_csv(written)[0][1])["description"] == description


COLUMNS_WITHOUT_ACCOUNT_FIRST = HEADER.strip().split(",")


def test_the_columns_of_a_written_list_are_those_that_are_read() -> None:
    assert set(COLUMNS) == set(COLUMNS_WITHOUT_ACCOUNT_FIRST)
