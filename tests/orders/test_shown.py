"""The state in a word, and the one thing to know or do."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from services.orders import worker
from services.orders.models import Account, Certificate, Division, OrderRequest
from services.orders.pages.shown import Chip, advice, listed, no_credit_note, state
from services.orders.queries import Row
from tests.conftest import World
from tests.orders.makers import NOW, a_request, an_order, charged, denied, not_found_yet, prove, waiting


def approved(request: OrderRequest) -> OrderRequest:
    request.approve("Ann Lee", NOW)
    return request


def paid(request: OrderRequest) -> OrderRequest:
    request.order.note_charged(charged(9001, request.order_id))
    return approved(request)


def short(request: OrderRequest) -> OrderRequest:
    request.order.note_waiting(waiting(9001, request.order_id))
    return approved(request)


def permitted(request: OrderRequest) -> OrderRequest:
    request.issue_before, request.issuer = NOW + timedelta(hours=7), "built-in"
    return prove(paid(request))


def refused(request: OrderRequest) -> OrderRequest:
    request.ask(NOW)
    request.note_denied(denied(9001, request.order_id, "www.acme.example"), NOW)
    return prove(paid(request))


def canceled(request: OrderRequest) -> OrderRequest:
    request.order.cancel("Ann Lee", "No longer needed", NOW)
    return request


@pytest.mark.parametrize(
    ("become", "chip"),
    [
        (lambda request: request, Chip("wait", "Waiting for approval")),
        (short, Chip("wait", "Waiting for funds")),
        (paid, Chip("wait", "Waiting for domain control")),
        (lambda request: prove(approved(request)), Chip("wait", "Being charged", hollow=True)),
        (lambda request: prove(paid(request)), Chip("wait", "Being judged", hollow=True)),
        (permitted, Chip("wait", "Ready to issue", hollow=True)),
        (refused, Chip("bad", "Not permitted yet")),
        (canceled, Chip("", "Canceled")),
    ],
)
def test_the_state_is_what_the_order_waits_for(become: Callable[[OrderRequest], OrderRequest], chip: Chip) -> None:
    assert state(become(a_request()), NOW) == chip


def sentences(request: OrderRequest, issues_itself: bool = True) -> list[str]:
    return [f"{each.title} {each.text}" for each in advice(request, NOW, issues_itself)]


def test_without_a_ca_key_the_page_says_that_nothing_is_issued_here() -> None:
    assert sentences(permitted(a_request()), issues_itself=False) == [
        "Ready, but not issued here. This installation has no CA key (ISSUARY_ORDERS_CA_KEY), "
        "so another CA has to issue it before 2026-11-23 17:00 UTC."
    ]
    assert sentences(permitted(a_request())) == []


def test_a_name_that_failed_for_good_says_what_to_do() -> None:
    request = paid(a_request())
    request.names[0].note_failed(
        not_found_yet(9001, "www.acme.example", message="The token expired.", final=True, next_check_at=None)
    )

    assert sentences(request) == [
        "www.acme.example could not be proven. The token expired. "
        "Nothing more is looked up; cancel this order and place it again."
    ]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "“No longer needed”"),
        ({"paid_at": NOW}, "“No longer needed” What was paid is being given back."),
        (
            {"paid_at": NOW, "credit_note_number": "CN-2026-000007"},
            "“No longer needed” What was paid is back in the funds: credit note CN-2026-000007.",
        ),
        (
            {"paid_at": NOW, "credit_note_number": "CN-7", "credit_note_amount": 500, "credit_note_to_funds": 0},
            "“No longer needed” It is no longer asked for on the invoice of its month: credit note CN-7.",
        ),
        (
            {"paid_at": NOW, "credit_note_number": "CN-7", "credit_note_amount": 500, "credit_note_to_funds": 200},
            "“No longer needed” What was paid of it is back in the funds, and the rest is no longer asked for: "
            "credit note CN-7.",
        ),
        ({"released_message": "Nothing was charged."}, "“No longer needed” Nothing was charged."),
    ],
)
def test_a_canceled_order_says_plainly_whether_the_money_is_back(facts: dict[str, object], words: str) -> None:
    assert sentences(canceled(a_request(**facts))) == [f"This order was canceled. {words}"]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({}, "None yet: billing has not said whether anything was charged."),
        ({"paid_at": NOW}, "None yet: what was charged is being given back."),
        ({"paid_at": NOW, "credit_note_number": "CN-2026-000007"}, "The document is being made."),
        ({"released_message": "Nothing was charged."}, "None: Nothing was charged."),
    ],
)
def test_a_canceled_order_says_why_there_is_no_credit_note_to_download(facts: dict[str, object], why: str) -> None:
    assert no_credit_note(canceled(a_request(**facts)).order) == why


def test_an_order_that_stands_has_no_credit_note() -> None:
    assert no_credit_note(paid(a_request()).order) == "None: the order is not canceled."
    assert no_credit_note(an_order(issued_at=NOW, closed_at=NOW, paid_at=NOW)) == "None: the order is not canceled."


def test_without_a_ca_there_is_no_step_that_issues(world: World) -> None:
    waiting = [step.func.__name__ for step in worker.steps(None, world.orders.db)]  # type: ignore[attr-defined]

    assert waiting == ["go_on_with_orders", "ask_again", "finish_cancellations", "step", "step"]


def test_an_issued_order_whose_certificate_is_over_is_expired() -> None:
    request = a_request(approved_at=NOW, issued_at=NOW, closed_at=NOW)
    division = Division(id=14, name="Main", account=Account(id=9001, name="Acme"))
    row = Row(request.order, division, Certificate(valid_till=NOW.date()), request)

    assert listed(row, NOW)["chip"] == Chip("good", "Issued")
    assert listed(row, NOW + timedelta(days=1))["chip"] == Chip("", "Expired")
