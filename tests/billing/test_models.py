from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.billing.models import Document, Funds, Purse
from tests.makers import NOW


def some_funds(**changed: Any) -> Funds:
    given: dict[str, Any] = {
        "division_id": 14, "account_id": 9001, "currency": "EUR", "balance": 0, "accrued": 0, "invoiced": 0,
        "negative_limit": 0, "unlimited": False, "separate": False, "used_credit": 0, "seq": 0, "owed_seq": 0,
        "invoiced_seq": 0,
    }  # fmt: skip
    return Funds(**given | changed)


amounts = st.integers(0, 10**9)


def a_purse(**changed: Any) -> Purse:
    """Of an account whose divisions share its funds."""
    funds = some_funds(**changed)
    funds.used_credit = funds.used
    return Purse(funds, funds)


@given(st.integers(-(10**9), 10**9), amounts, amounts, amounts)
def test_funds_cover_what_leaves_nothing_below_the_limit(balance: int, limit: int, unpaid: int, amount: int) -> None:
    purse = a_purse(balance=balance, negative_limit=limit, accrued=unpaid // 3, invoiced=unpaid - unpaid // 3)

    assert purse.available == balance + limit - unpaid
    assert purse.covers(amount) == (balance - amount - unpaid >= -limit)
    assert purse.covers(amount + purse.shortfall(amount)) == (purse.shortfall(amount) == 0 and purse.covers(amount))


@given(st.integers(-(10**9), 10**9), amounts, amounts)
def test_exactly_the_shortfall_is_missing(balance: int, limit: int, amount: int) -> None:
    purse = a_purse(balance=balance, negative_limit=limit)
    short = purse.shortfall(amount)

    if short:
        purse.change(short - 1)
        assert not purse.covers(amount)
        purse.change(1)
    assert purse.covers(amount)


def test_unlimited_funds_cover_everything_and_are_never_short() -> None:
    purse = a_purse(balance=-(10**9), unlimited=True)

    assert purse.covers(10**15)
    assert purse.shortfall(10**15) == 0


@given(st.lists(st.integers(-(10**9), 10**9), max_size=30))
def test_every_change_leaves_a_receipt_with_its_place_and_the_balance_after_it(changes: list[int]) -> None:
    purse = a_purse(balance=500, seq=3)

    receipts = [purse.change(change) for change in changes]

    assert [one.seq for one in receipts] == list(range(4, 4 + len(changes)))
    assert [one.balance_after for one in receipts] == [500 + sum(changes[: n + 1]) for n in range(len(changes))]
    assert purse.own.balance == 500 + sum(changes)


moves = st.tuples(st.integers(0, 2), st.sampled_from(["change", "accrue", "invoice"]), st.integers(-(10**6), 10**6))


@given(amounts, st.lists(moves, max_size=30))
def test_divisions_share_one_limit_whatever_they_do(limit: int, changes: list[tuple[int, str, int]]) -> None:
    """The published formula holds for each at any time, and all can never use more together than there is."""
    rows = [some_funds(division_id=14 + n, negative_limit=limit if n == 0 else 0, separate=n == 0) for n in range(3)]
    purses = [Purse(row, rows[0]) for row in rows]
    for who, what, amount in changes:
        purse = purses[who]
        if what == "change":
            purse.change(amount)
        elif what == "accrue":
            purse.owe(accrued=max(amount, -purse.own.accrued))
        else:
            purse.owe(invoiced=max(amount, -purse.own.invoiced))

    for one in purses:
        elsewhere = sum(max(0, other.own.unpaid - other.own.balance) for other in purses if other is not one)
        assert one.used_elsewhere == elsewhere
        assert one.available == one.own.balance + limit - one.own.unpaid - elsewhere


def test_a_document_is_stored_once() -> None:
    document = Document(sha256=None, pdf=None)

    assert document.store(b"%PDF 1", "a1", NOW)
    assert not document.store(b"%PDF 2", "b2", NOW)
    assert (document.pdf, document.sha256) == (b"%PDF 1", "a1")
