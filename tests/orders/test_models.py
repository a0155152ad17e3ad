from datetime import date, datetime, timedelta

import pytest

from services.orders.models import OrderRequest
from shared.errors import Rejected
from tests.orders.makers import (
    LATER,
    NOW,
    a_request,
    an_order,
    authorized,
    charged,
    denied,
    eur,
    not_found_yet,
    prove,
    submitted,
    validated,
    waiting,
)

NAMES = ("www.acme.example",)


def issue(request: OrderRequest, now: datetime) -> None:
    request.record_issued(200001, now)
    request.order.note_issued(request, date(2027, 5, 22), now)


def ready(**facts: object) -> OrderRequest:
    return prove(a_request(**{"approved_at": NOW, "paid_at": NOW, **facts}))


def test_the_status_follows_from_the_facts() -> None:
    request = a_request()
    order = request.order
    assert (order.status, request.status) == ("pending", "pending")

    request.approve("Ann Lee", NOW)
    assert (order.status, request.status) == ("pending", "approved")

    request.note_ready("built-in", NOW)
    assert (order.status, request.status) == ("waiting_pickup", "approved")

    issue(request, LATER)
    assert (order.status, request.status) == ("issued", "approved")


def test_a_request_follows_its_order_when_it_is_canceled() -> None:
    request = a_request(approved_at=NOW)

    request.order.cancel("Ann Lee", "No longer needed", LATER)

    assert (request.order.status, request.status) == ("canceled", "rejected")
    assert request.processor_comment == "No longer needed"


def test_a_repeated_decision_changes_nothing() -> None:
    request = a_request()
    assert request.approve("Ann Lee", NOW)
    assert not request.approve("Mark Weber", LATER)
    assert (request.approved_by, request.approved_at) == ("Ann Lee", NOW)

    order = request.order

    assert order.cancel("Ann Lee", "No longer needed", NOW)
    assert not order.cancel("Mark Weber", "Twice", LATER)
    assert (order.cancelled_by, order.closing_note) == ("Ann Lee", "No longer needed")


@pytest.mark.parametrize("wish", ["approve", "reject", "cancel"])
@pytest.mark.parametrize("end", ["issued", "rejected", "canceled"])
def test_a_closed_order_takes_no_other_decision(end: str, wish: str) -> None:
    request = a_request()
    order = request.order
    if end == "issued":
        issue(request, NOW)
    elif end == "rejected":
        order.reject("Ann Lee", "Not ours", NOW)
    else:
        order.cancel("Ann Lee", "No longer needed", NOW)
    if wish.startswith(end[:6]):
        return

    with pytest.raises(Rejected) as refusal:
        request.approve("Ann", LATER) if wish == "approve" else getattr(order, wish)("Ann", "Because", LATER)

    assert (refusal.value.status, refusal.value.code) == (400, "invalid_state")
    assert refusal.value.message.startswith(f"Order 100001 is {end} and can no longer be ")


def test_a_cancellation_and_a_rejection_say_why() -> None:
    for deed in (an_order().cancel, an_order().reject):
        with pytest.raises(Rejected, match="Say why the order is"):
            deed("Ann Lee", " ", NOW)


@pytest.mark.parametrize("missing", ["approved_at", "paid_at"])
def test_validation_is_not_asked_before_everything_is_there(missing: str) -> None:
    assert ready().should_ask(NOW)
    assert not ready(**{missing: None}).should_ask(NOW)
    assert not ready(closed_at=NOW).should_ask(NOW)


def test_every_name_must_be_proven_and_still_usable() -> None:
    request = ready(names=("www.acme.example", "acme.example"))
    request.names[1].usable_until = NOW

    assert not request.should_ask(NOW)
    assert request.should_ask(NOW - timedelta(seconds=1))


def test_a_question_is_asked_once_until_it_was_not_answered_for_an_hour() -> None:
    request = ready()

    request.ask(NOW)

    assert not request.should_ask(NOW + timedelta(minutes=59))
    assert request.should_ask(NOW + timedelta(hours=1))


def test_after_a_denial_new_evidence_asks_at_once_and_an_hour_asks_anyway() -> None:
    request = ready()
    request.ask(NOW)

    assert request.note_denied(denied(9001, request.order_id, "www.acme.example"), LATER)

    told = [(denial["name"], denial["message"]) for denial in request.denials or []]
    assert told == [("www.acme.example", "the evidence is no longer usable")]
    assert not request.should_ask(LATER)
    assert request.should_ask(LATER + timedelta(hours=1))
    request.note_evidence(LATER)
    assert request.should_ask(LATER)


def test_a_denial_that_did_not_know_the_newest_evidence_is_asked_about_at_once() -> None:
    request = ready()
    request.ask(NOW)
    request.note_evidence(NOW + timedelta(seconds=1))

    request.note_denied(denied(9001, request.order_id, "www.acme.example"), LATER)

    assert request.should_ask(LATER)


def test_a_permission_lasts_until_issue_before_and_is_then_asked_for_again() -> None:
    request = ready()
    request.ask(NOW)

    assert request.note_authorized(
        authorized(9001, request.order_id, NAMES, issue_before=NOW + timedelta(hours=7)), NOW
    )

    assert request.may_issue(NOW + timedelta(hours=6))
    assert not request.should_ask(NOW + timedelta(hours=6))
    assert not request.may_issue(NOW + timedelta(hours=7))
    assert request.should_ask(NOW + timedelta(hours=7))


@pytest.mark.parametrize(
    "facts", [{"closed_at": NOW}, {"asked_at": None}, {"names": ("www.acme.example", "other.example")}]
)
def test_a_permission_that_nobody_asked_for_or_that_lacks_a_name_changes_nothing(facts: dict[str, object]) -> None:
    request = ready(**{"asked_at": NOW, **facts})

    assert not request.note_authorized(
        authorized(9001, request.order_id, NAMES, issue_before=NOW + timedelta(hours=7)), NOW
    )
    assert not request.may_issue(NOW)


def test_a_permission_that_is_over_on_arrival_changes_nothing() -> None:
    request = ready(asked_at=NOW)

    assert not request.note_authorized(authorized(9001, request.order_id, NAMES, issue_before=NOW), NOW)


def test_a_charge_is_noted_once_and_ends_the_waiting() -> None:
    order = an_order()
    assert order.note_waiting(waiting(9001, order.id))
    assert order.is_waiting
    assert order.shortfall == eur(1781)

    assert order.note_charged(charged(9001, order.id))
    assert not order.note_charged(charged(9001, order.id, occurred_at=LATER, invoice_id=5, invoice_number="X"))

    assert (order.paid_at, order.invoice_number, order.total) == (NOW, "INV-2026-000140", eur(11781))
    assert not order.is_waiting


def test_waiting_that_arrives_after_the_charge_changes_nothing() -> None:
    order = an_order()
    order.note_charged(charged(9001, order.id))

    assert not order.note_waiting(waiting(9001, order.id))
    assert order.waiting_reason is None


def test_the_same_reason_again_is_no_news() -> None:
    order = an_order()

    assert order.note_waiting(waiting(9001, order.id))
    assert not order.note_waiting(waiting(9001, order.id, occurred_at=LATER))
    assert order.waiting_since == NOW


def test_older_evidence_never_replaces_newer() -> None:
    name = a_request().names[0]
    newest = validated(9001, "www.acme.example", usable_until=NOW + timedelta(days=100))

    assert name.note_validated(newest)
    assert not name.note_validated(newest)
    assert not name.note_validated(validated(9001, "www.acme.example", usable_until=NOW + timedelta(days=99)))
    assert name.evidence_id == newest.evidence_id


def test_a_look_that_finds_the_same_is_no_news_but_moves_the_figures() -> None:
    name = a_request().names[0]
    assert name.note_submitted(submitted(9001, 100001, "www.acme.example"))
    assert not name.note_submitted(submitted(9001, 100001, "www.acme.example"))

    assert name.note_failed(not_found_yet(9001, "www.acme.example"))
    assert not name.note_failed(not_found_yet(9001, "www.acme.example", occurred_at=LATER, checks=4))

    assert (name.checks, name.checked_at) == (4, LATER)
    assert name.failure == "no TXT record at _dnsauth.www.acme.example (NXDOMAIN)"
