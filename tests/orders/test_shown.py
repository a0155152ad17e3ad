"""The state in a word, and the one thing to know or do."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from services.orders import worker
from services.orders.clients.test_ca import TestCa
from services.orders.models import CertificateOrder
from services.orders.pages.shown import Chip, advice, state
from tests.conftest import World
from tests.orders.makers import NOW, an_order, ca_key, charged, denied, not_found_yet, prove, waiting


def approved(order: CertificateOrder) -> CertificateOrder:
    order.approve("Ann Lee", NOW)
    return order


def paid(order: CertificateOrder) -> CertificateOrder:
    order.note_charged(charged(9001, order.id))
    return approved(order)


def short(order: CertificateOrder) -> CertificateOrder:
    order.note_waiting(waiting(9001, order.id))
    return approved(order)


def permitted(order: CertificateOrder) -> CertificateOrder:
    order.issue_before = NOW + timedelta(hours=7)
    return prove(paid(order))


def refused(order: CertificateOrder) -> CertificateOrder:
    order.ask(NOW)
    order.note_denied(denied(9001, order.id, "www.acme.example"), NOW)
    return prove(paid(order))


def canceled(order: CertificateOrder) -> CertificateOrder:
    order.cancel("Ann Lee", "No longer needed", NOW)
    return order


@pytest.mark.parametrize(
    ("become", "chip"),
    [
        (lambda order: order, Chip("wait", "Waiting for approval")),
        (short, Chip("wait", "Waiting for funds")),
        (paid, Chip("wait", "Waiting for domain control")),
        (lambda order: prove(approved(order)), Chip("wait", "Being charged", hollow=True)),
        (lambda order: prove(paid(order)), Chip("wait", "Being judged", hollow=True)),
        (permitted, Chip("wait", "Ready to issue", hollow=True)),
        (refused, Chip("bad", "Not permitted yet")),
        (canceled, Chip("", "Canceled")),
    ],
)
def test_the_state_is_what_the_order_waits_for(
    become: Callable[[CertificateOrder], CertificateOrder], chip: Chip
) -> None:
    assert state(become(an_order()), NOW) == chip


def sentences(order: CertificateOrder, issues_itself: bool = True) -> list[str]:
    return [f"{each.title} {each.text}" for each in advice(order, NOW, issues_itself)]


def test_without_a_ca_key_the_page_says_that_nothing_is_issued_here() -> None:
    assert sentences(permitted(an_order()), issues_itself=False) == [
        "Ready, but not issued here. This installation has no CA key (ISSUARY_ORDERS_CA_KEY), "
        "so another CA has to issue it before 2026-11-23 17:00 UTC."
    ]
    assert sentences(permitted(an_order())) == []


def test_a_name_that_failed_for_good_says_what_to_do() -> None:
    order = paid(an_order())
    order.names[0].note_failed(
        not_found_yet(9001, "www.acme.example", message="The token expired.", final=True, next_check_at=None)
    )

    assert sentences(order) == [
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
        ({"released_message": "Nothing was charged."}, "“No longer needed” Nothing was charged."),
    ],
)
def test_a_canceled_order_says_plainly_whether_the_money_is_back(facts: dict[str, object], words: str) -> None:
    assert sentences(canceled(an_order(**facts))) == [f"This order was canceled. {words}"]


def test_without_a_ca_there_is_no_step_that_issues(world: World) -> None:
    assert len(worker.steps(None, world.orders.db)) == 1
    assert len(worker.steps(TestCa(ca_key()), world.orders.db)) == 2
