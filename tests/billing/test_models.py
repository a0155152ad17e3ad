from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.billing.models import Document, Funds
from tests.makers import NOW


def some_funds(**changed: Any) -> Funds:
    given: dict[str, Any] = {
        "division_id": 14, "account_id": 9001, "currency": "EUR", "balance": 0, "unpaid": 0, "negative_limit": 0,
        "unlimited": False, "seq": 0,
    }  # fmt: skip
    return Funds(**given | changed)


amounts = st.integers(0, 10**9)


@given(st.integers(-(10**9), 10**9), amounts, amounts, amounts)
def test_funds_cover_what_leaves_nothing_below_the_limit(balance: int, limit: int, unpaid: int, amount: int) -> None:
    funds = some_funds(balance=balance, negative_limit=limit, unpaid=unpaid)

    assert funds.available == balance + limit - unpaid
    assert funds.covers(amount) == (balance - amount - unpaid >= -limit)
    assert funds.covers(amount + funds.shortfall(amount)) == (funds.shortfall(amount) == 0 and funds.covers(amount))


@given(st.integers(-(10**9), 10**9), amounts, amounts)
def test_exactly_the_shortfall_is_missing(balance: int, limit: int, amount: int) -> None:
    funds = some_funds(balance=balance, negative_limit=limit)
    short = funds.shortfall(amount)

    if short:
        funds.change(short - 1)
        assert not funds.covers(amount)
        funds.change(1)
    assert funds.covers(amount)


def test_unlimited_funds_cover_everything_and_are_never_short() -> None:
    funds = some_funds(balance=-(10**9), unlimited=True)

    assert funds.covers(10**15)
    assert funds.shortfall(10**15) == 0


@given(st.lists(st.integers(-(10**9), 10**9), max_size=30))
def test_every_change_leaves_a_receipt_with_its_place_and_the_balance_after_it(changes: list[int]) -> None:
    funds = some_funds(balance=500, seq=3)

    receipts = [funds.change(change) for change in changes]

    assert [one.seq for one in receipts] == list(range(4, 4 + len(changes)))
    assert [one.balance_after for one in receipts] == [500 + sum(changes[: n + 1]) for n in range(len(changes))]
    assert funds.balance == 500 + sum(changes)


def test_a_document_is_stored_once() -> None:
    document = Document(sha256=None, pdf=None)

    assert document.store(b"%PDF 1", "a1", NOW)
    assert not document.store(b"%PDF 2", "b2", NOW)
    assert (document.pdf, document.sha256) == (b"%PDF 1", "a1")
