"""What a credit note takes back of an invoice: exact for lines, VAT groups and the whole, whatever parts come."""

from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.rules import OpenGroup, OpenInvoice, OpenLine, Original, Paid, half_up, how_paid, money_went
from shared.errors import Conflict, DomainError, NotFound, Rejected

Net = tuple[int, str]  # minor units, rate


def an_open_invoice(*nets: Net, currency: str = "EUR", exchange: str | None = None) -> OpenInvoice:
    lines = [
        OpenLine(n, f"Line {n}", [], 1, net, net, "S", Decimal(rate), ("shop", n))
        for n, (net, rate) in enumerate(nets, 1)
    ]
    groups = [
        a_group(rate, sum(net for net, of in nets if of == rate), exchange) for rate in sorted({r for _, r in nets})
    ]
    return OpenInvoice(currency, lines, groups)


def a_group(rate: str, net: int, exchange: str | None) -> OpenGroup:
    tax = half_up(net * Decimal(rate) / 100)
    stated = half_up(tax * Decimal(exchange)) if exchange else None
    return OpenGroup(
        "S", Decimal(rate), net, tax, None, "USD" if exchange else None, stated, Decimal(exchange) if exchange else None
    )


def test_four_parts_of_334_99_come_to_just_that() -> None:
    """Each rounded alone, they would come to 335.00."""
    left = an_open_invoice((6833, "20"), (5750, "20"), (8500, "20"), (6833, "20"))

    notes = [left.credit({line: left.lines[line].left}) for line in (1, 2, 3, 4)]

    assert [note.total for note in notes] == [8200, 6900, 10200, 8199]
    assert [note.exhausts for note in notes] == [False, False, False, True]
    assert left.left == 0


RATES = ["0", "5.5", "7", "8.1", "19", "20", "99.9"]
INVOICES = st.lists(st.tuples(st.integers(0, 10**7), st.sampled_from(RATES)), min_size=1, max_size=6)


@given(INVOICES, st.data(), st.sampled_from([None, "0.92", "1.3377"]))
def test_whatever_parts_come_no_sum_passes_the_invoice_and_the_last_takes_the_rest(
    nets: list[Net], data: st.DataObject, exchange: str | None
) -> None:
    left = an_open_invoice(*nets, exchange=exchange)
    whole = left.left
    notes = []

    while open_lines := [line for line in left.lines.values() if line.left]:
        chosen = data.draw(st.lists(st.sampled_from(open_lines), min_size=1, unique_by=lambda line: line.position))
        wanted = {line.position: data.draw(st.integers(1, line.left)) for line in chosen}
        if data.draw(st.booleans()):
            wanted = {position: left.lines[position].left for position in wanted}
        left.refuse_unless_left(wanted, "INV")
        notes.append(left.credit(wanted))
        assert_within(left, notes)
        if len(notes) == 8 and (rest := {line.position: line.left for line in left.lines.values() if line.left}):
            notes.append(left.credit(rest))

    assert sum(note.total for note in notes) == whole
    assert left.left == 0
    assert [note.exhausts for note in notes] == [False] * (len(notes) - 1) + [True] * bool(notes)
    for group in left.groups.values():
        if notes and group.net:
            assert (group.credited_tax, group.credited_accounting) == (group.tax, group.accounting_tax or 0)


def assert_within(left: OpenInvoice, notes: Iterable[Any]) -> None:
    for line in left.lines.values():
        assert 0 <= line.credited <= line.net
    for group in left.groups.values():
        assert 0 <= group.credited_net <= group.net
        assert 0 <= group.credited_tax <= group.tax
        exact = (Decimal(group.credited_net) * group.rate / 100).quantize(Decimal(1), ROUND_HALF_UP)
        assert group.credited_tax == exact
    for note in notes:
        assert all(group.net >= 0 and group.tax >= 0 and (group.accounting_tax or 0) >= 0 for group in note.groups)
        assert note.net == sum(line.net for line in note.lines) == sum(group.net for group in note.groups)
        assert all(line.net == line.quantity * line.unit_price for line in note.lines)


def test_vat_in_the_sellers_currency_follows_the_vat_and_comes_to_what_the_invoice_stated() -> None:
    left = an_open_invoice((10_000, "19"), exchange="0.92")

    stated = [left.credit({1: net}).groups[0].accounting_tax for net in (3333, 3333, 3334)]

    assert stated == [582, 584, 582]
    assert sum(stated) == left.groups["S", Decimal(19)].accounting_tax == 1748  # type: ignore[arg-type]


@pytest.mark.parametrize(("net", "quantity", "price"), [(5000, 5, 1000), (3000, 3, 1000), (2500, 1, 2500), (1, 1, 1)])
def test_a_part_is_so_many_pieces_where_it_is_just_that(net: int, quantity: int, price: int) -> None:
    line = OpenLine(1, "Additional name", [], 5, 1000, 5000, "S", Decimal(19), None)
    [credited] = OpenInvoice("EUR", [line], [a_group("19", 5000, None)]).credit({1: net}).lines

    assert (credited.quantity, credited.unit_price) == (quantity, price)


def test_lines_that_cost_nothing_belong_to_the_first_note_and_to_no_later_one() -> None:
    left = an_open_invoice((100, "19"), (0, "19"))
    assert left.all_left([1, 2]) == {1: 100, 2: 0}

    left.credit({1: 40})

    assert left.all_left([1, 2]) == {1: 60}
    left.credit({1: 60})
    assert left.all_left([1, 2]) is None


@pytest.mark.parametrize(
    ("wanted", "kind", "code", "says"),
    [
        ({3: 1}, NotFound, "not_found|line", "no line 3"),
        ({1: 0}, Rejected, "amount_not_positive", "more than 0"),
        ({1: -5}, Rejected, "amount_not_positive", "more than 0"),
        ({1: 101}, Conflict, "more_than_left", "1.00 EUR net are left"),
        ({2: 1}, Conflict, "more_than_left", "0.00 EUR net are left"),
    ],
)
def test_what_is_not_left_is_refused(wanted: dict[int, int], kind: type[DomainError], code: str, says: str) -> None:
    left = an_open_invoice((100, "19"), (0, "19"))

    with pytest.raises(kind, match=says) as refused:
        left.refuse_unless_left(wanted, "INV-1")

    assert refused.value.code == code


INVOICE = Original(1, "INV-1", 6, 14, "EUR", "")
DAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (0, 500, "Returned to the account funds on 2026-11-24."),
        (500, 0, "5.00 EUR taken off what invoice INV-1 asks for, which is 1.00 EUR now."),
        (300, 200, "3.00 EUR taken off what invoice INV-1 asks for, which is 1.00 EUR now. "
                   "2.00 EUR returned to the account funds on 2026-11-24."),
    ],
)  # fmt: skip
def test_where_the_money_went_is_said(before: int, after: int, says: str) -> None:
    assert money_went(before, after, 100, INVOICE, DAY) == says


def test_how_it_was_paid_has_date_method_and_reference_and_what_was_due() -> None:
    wire, funds = Paid(DAY, 500, "wire_transfer", "B-1"), Paid(DAY, 20, "balance", None)

    assert how_paid([], 700, "EUR") == "7.00 EUR were due before this credit note."
    assert how_paid([wire, funds], 0, "EUR") == (
        "5.00 EUR paid on 2026-11-24 by wire transfer, reference B-1; 0.20 EUR paid on 2026-11-24 from the account "
        "funds."
    )
    assert how_paid([wire] * 7, 1, "EUR").endswith("; 2 more payments; 0.01 EUR were due before this credit note.")
    assert "by other money" in how_paid([Paid(DAY, 1, None, None)], 0, "EUR")
