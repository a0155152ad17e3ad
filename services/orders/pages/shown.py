"""What a page says about an order: its state in a word, what must be done, and by whom."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.orders.actions import APPROVERS, CANCELLERS
from services.orders.models import CertificateOrder, OrderName
from services.orders.queries import Row
from services.orders.rules.products import product_name
from shared.access import Caller
from shared.errors import NotFound

WAITING_FOR = {
    "funds": "Waiting for funds",
    "price": "Waiting for a price",
    "tax": "Waiting for a tax rule",
    "billing_details": "Waiting for billing details",
}


@dataclass(frozen=True)
class Chip:
    kind: str
    text: str
    hollow: bool = False


@dataclass(frozen=True)
class Advice:
    """One thing to know or do."""

    kind: str
    title: str
    text: str


def state(order: CertificateOrder, now: datetime) -> Chip:
    if order.closed_at:
        return {"issued": Chip("good", "Issued"), "rejected": Chip("bad", "Rejected")}.get(
            order.status, Chip("", "Canceled")
        )
    if not order.approved_at:
        return Chip("wait", "Waiting for approval")
    if order.is_waiting:
        return Chip("wait", WAITING_FOR.get(order.waiting_reason or "", "Waiting for billing"))
    if order.denials:
        return Chip("bad", "Not permitted yet")
    if not all(name.is_proven(now) for name in order.names):
        return Chip("wait", "Waiting for domain control")
    if not order.paid_at:
        return Chip("wait", "Being charged", hollow=True)
    return Chip("wait", "Ready to issue" if order.may_issue(now) else "Being judged", hollow=True)


def advice(order: CertificateOrder, now: datetime, issues_itself: bool) -> Iterator[Advice]:
    if order.closed_at:
        if order.status != "issued":
            yield Advice("bad" if order.rejected_at else "", f"This order was {order.status}.", _refund(order))
        return
    if not order.approved_at:
        yield Advice("wait", "This order needs approval.", "A manager or administrator of the account decides.")
    if order.is_waiting:
        yield Advice("wait", "Nothing is charged yet.", order.waiting_message or "")
    for each in order.names:
        if each.failure_final and not each.is_proven(now):
            text = (
                f"{(each.failure or '').rstrip('.')}. Nothing more is looked up; cancel this order and place it again."
            )
            yield Advice("bad", f"{each.name} could not be proven.", text)
    for denial in order.denials or []:
        yield Advice("bad", f"{denial['name']} may not be issued now.", denial["message"])
    if order.issue_failure:
        yield Advice("bad", "The certificate could not be made.", f"{order.issue_failure}. It is tried again.")
    if order.may_issue(now) and not issues_itself:
        text = "This installation has no CA key (ISSUARY_ORDERS_CA_KEY), so another CA has to issue it"
        yield Advice("wait", "Ready, but not issued here.", f"{text} before {order.issue_before:%Y-%m-%d %H:%M} UTC.")


def _refund(order: CertificateOrder) -> str:
    why = f"“{order.closing_note}” "
    if order.credit_note_number:
        return f"{why}What was paid is back in the funds: credit note {order.credit_note_number}."
    if order.released_message:
        return why + order.released_message
    if order.paid_at:
        return f"{why}What was paid is being given back."
    return why.strip()


def name(row: OrderName, now: datetime, is_closed: bool) -> dict[str, Any]:
    if row.is_proven(now):
        chip = Chip("good", "Proven")
    elif is_closed:
        chip = Chip("", "Proof ran out" if row.validated_at else "Not proven")
    elif row.failure_final:
        chip = Chip("bad", "Failed")
    elif row.record_value:
        chip = Chip("wait", "Not found yet" if row.checks else "To be published", hollow=True)
    else:
        chip = Chip("wait", "Being set up", hollow=True)
    return {"row": row, "chip": chip, "proven": row.is_proven(now)}


def listed(row: Row, now: datetime) -> dict[str, Any]:
    order = row.order
    return {
        "order": order,
        "chip": state(order, now),
        "product": product_name(order.product_name_id),
        "division": row.division.name,
        "account": row.division.account.name,
        "more_names": len(order.names) - 1,
        "valid_till": row.certificate.valid_till if row.certificate else None,
    }


def order(row: Row, who: Caller, now: datetime, issues_itself: bool) -> dict[str, Any]:
    names = [name(each, now, row.order.closed_at is not None) for each in row.order.names]
    records = {each["row"].record_name: each["row"] for each in names if each["row"].record_value}
    unproven = {each["row"].record_name for each in names if not each["proven"]}
    return {
        "order": row.order,
        "certificate": row.certificate,
        "division": row.division,
        "account": row.division.account,
        "product": product_name(row.order.product_name_id),
        "chip": state(row.order, now),
        "advice": list(advice(row.order, now, issues_itself)),
        "names": names,
        "records": [record for place, record in records.items() if place in unproven and not row.order.closed_at],
        "term": term(row.order),
        "may_approve": who.role in APPROVERS and not row.order.approved_at and not row.order.closed_at,
        "may_reject": who.role in APPROVERS and not row.order.closed_at,
        "may_cancel": who.role in CANCELLERS and not row.order.closed_at,
    }


def term(order: CertificateOrder) -> str:
    if order.term_years:
        return "1 year" if order.term_years == 1 else f"{order.term_years} years"
    return f"until {order.term_ends_on}" if order.term_ends_on else f"{order.term_days} days"


def question(order: CertificateOrder, deed: str) -> dict[str, Any]:
    """The confirmation before a deed, in the terms of confirm.html."""
    asked: dict[str, dict[str, Any]] = {
        "approve": {"message": "The certificate is issued as soon as it is paid and every name is proven.",
                    "kind": "primary", "back_text": "Not now"},
        "reject": {"message": "Nothing is issued. What was charged goes back to the funds with a credit note.",
                   "kind": "danger", "reason_label": "Why is it rejected?"},
        "cancel": {"message": "Nothing is issued. What was charged goes back to the funds with a credit note.",
                   "kind": "danger", "reason_label": "Why is it canceled?"},
    }  # fmt: skip
    if deed not in asked:
        raise NotFound("There is nothing at this address.", "not_found|route")
    verb = f"{deed.capitalize()} order"
    where = f"/orders/{order.id}"
    return {
        "title": f"{verb} {order.id}, {order.common_name}?",
        "action": f"{where}/{deed}",
        "verb": verb,
        "back": where,
        **asked[deed],
    }
