"""What a page says about an order: its state in a word, what must be done, and by whom."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.orders.actions import APPROVERS, CANCELLERS, FINANCE
from services.orders.models import NEW, CertificateOrder, MoneyFacts, OrderRequest, RequestName
from services.orders.queries import Row
from services.orders.rules.issuers import BUILT_IN, EVENTS
from services.orders.rules.methods import METHODS
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


CLOSED = {
    "issued": Chip("good", "Issued"),
    "rejected": Chip("bad", "Rejected"),
    "canceled": Chip("", "Canceled"),
    "revoked": Chip("bad", "Revoked"),
}
EXPIRED = Chip("", "Expired")


def state(request: OrderRequest, now: datetime) -> Chip:
    order = request.order
    if order.is_being_revoked:
        return Chip("wait", "Being revoked")
    if order.closed_at and order.status != "reissue_pending":
        return CLOSED[order.status]
    if request.closed_at:
        return Chip("good", "Issued, being reissued")
    if not request.approved_at:
        return Chip("wait", "Waiting for approval")
    if order.is_waiting:
        return Chip("wait", WAITING_FOR.get(order.waiting_reason or "", "Waiting for billing"))
    if request.denials:
        return Chip("bad", "Not permitted yet")
    if not order.is_vetted(now):
        return Chip("wait", "Waiting for the organization")
    if not all(name.is_proven(now) for name in request.names):
        return Chip("wait", "Waiting for domain control")
    if not request.is_paid:
        return Chip("wait", "Being charged", hollow=True)
    return Chip("wait", "Ready to issue" if request.may_issue(now) else "Being judged", hollow=True)


def advice(request: OrderRequest, now: datetime, issues_itself: bool) -> Iterator[Advice]:
    order = request.order
    if order.is_being_revoked:
        text = "Whoever issued its certificates was told; it is revoked when all of them are."
        yield Advice("wait", "This order is being revoked.", text)
    if request.closed_at or order.revoked_at:
        if order.status in ("rejected", "canceled"):
            yield Advice("bad" if order.rejected_at else "", f"This order was {order.status}.", _refund(order))
        return
    if not request.approved_at:
        what = "order" if request.type == NEW else "reissue"
        yield Advice("wait", f"This {what} needs approval.", "A manager or administrator of the account decides.")
    yield from _waiting(order)
    yield from _waiting(request)
    if not order.is_vetted(now):
        yield _awaited(order)
    for each in request.names:
        if each.failure_final and not each.is_proven(now):
            text = (
                f"{(each.failure or '').rstrip('.')}. Nothing more is looked up; cancel this order and place it again."
            )
            yield Advice("bad", f"{each.name} could not be proven.", text)
    for denial in request.denials or []:
        yield Advice("bad", f"{denial['name']} may not be issued now.", denial["message"])
    if request.issue_failure:
        yield Advice("bad", "The certificate could not be made.", f"{request.issue_failure}. It is tried again.")
    if request.cancel_due_at:
        text = f"The CA may have issued already: it answers, or {request.cancel_due_at:%Y-%m-%d %H:%M} UTC passes."
        yield Advice("wait", f"This {'order' if request.type == NEW else request.type} is being canceled.", text)
    if request.may_issue(now) and request.issuer == EVENTS:
        yield Advice(
            "wait", "Ready, and with the CA.", f"It may issue before {request.issue_before:%Y-%m-%d %H:%M} UTC."
        )
    if request.may_issue(now) and request.issuer == BUILT_IN and not issues_itself:
        text = "This installation has no CA key (ISSUARY_ORDERS_CA_KEY), so another CA has to issue it"
        yield Advice("wait", "Ready, but not issued here.", f"{text} before {request.issue_before:%Y-%m-%d %H:%M} UTC.")


def _waiting(money: MoneyFacts) -> Iterator[Advice]:
    if money.is_waiting:
        yield Advice("wait", "Nothing is charged yet.", money.waiting_message or "")


def _awaited(order: CertificateOrder) -> Advice:
    organization = order.organization
    if organization and not organization.is_active:
        return Advice("bad", f"{organization.name} is inactive.", "Activate it on its page, or cancel this order.")
    name = organization.name if organization else "The organization"
    lacking = organization.verdict(order.level).lacking if organization and order.level else ()
    still = f" Still to be found out: {', '.join(lacking).lower()}." if lacking else ""
    return Advice("wait", f"{name} is not validated yet.", f"Our staff look at it; it goes on by itself then.{still}")


def _refund(order: CertificateOrder) -> str:
    why = f"“{order.closing_note}” "
    if order.credit_note_number:
        return f"{why}{_went(order)}: credit note {order.credit_note_number}."
    if order.released_message:
        return why + order.released_message
    if order.is_on_account:
        return f"{why}It is being taken off the account, or credited where it is invoiced already."
    if order.paid_at:
        return f"{why}What was paid is being given back."
    return why.strip()


def _went(order: CertificateOrder) -> str:
    back = order.credit_note_to_funds
    if back in (None, order.credit_note_amount):
        return "What was paid is back in the funds"
    if back:
        return "What was paid of it is back in the funds, and the rest is no longer asked for"
    return "It is no longer asked for on the invoice of its month"


def no_credit_note(order: CertificateOrder) -> str:
    """Why there is none to download."""
    if order.credit_note_number:
        return "The document is being made."
    if order.released_message:
        return f"None: {order.released_message}"
    if not order.closed_at or order.status == "issued":
        return "None: the order is not canceled."
    if order.paid_at:
        return "None yet: what was charged is being given back."
    return "None yet: billing has not said whether anything was charged."


def name(row: RequestName, now: datetime, is_closed: bool, method: str) -> dict[str, Any]:
    if row.is_proven(now):
        chip = Chip("good", "Proven")
    elif is_closed:
        chip = Chip("", "Proof ran out" if row.validated_at else "Not proven")
    elif row.failure_final:
        chip = Chip("bad", "Failed")
    elif row.record_value:
        chip = Chip("wait", _waits_for(row), hollow=True)
    else:
        chip = Chip("wait", "Being set up", hollow=True)
    return {"row": row, "chip": chip, "proven": row.is_proven(now), "method": METHODS.get(method, method)}


def _waits_for(row: RequestName) -> str:
    if row.record_type == "MAIL":
        return "To be confirmed"
    return "Not found yet" if row.checks else "To be published"


def listed(row: Row, now: datetime) -> dict[str, Any]:
    order = row.order
    is_over = row.status(now.date()) == "expired"
    return {
        "order": order,
        "chip": EXPIRED if is_over else state(row.request, now),
        "product": product_name(order.product_name_id),
        "division": row.division.name,
        "account": row.division.account.name,
        "more_names": len(row.request.names) - 1,
        "valid_till": row.certificate.valid_till if row.certificate else None,
    }


def order(
    row: Row, who: Caller, now: datetime, issues_itself: bool, reissue: OrderRequest | None = None
) -> dict[str, Any]:
    """While it is being reissued, what is to be proven is that of the reissue."""
    wish = reissue or row.request
    names = [name(each, now, wish.closed_at is not None, wish.dcv_method or "") for each in wish.names]
    records = {each["row"].record_name: each["row"] for each in names if each["row"].record_value}
    unproven = {each["row"].record_name for each in names if not each["proven"]}
    return {
        "order": row.order,
        "wish": wish,
        "certificate": row.certificate,
        "division": row.division,
        "account": row.division.account,
        "product": product_name(row.order.product_name_id),
        "chip": EXPIRED if row.status(now.date()) == "expired" else state(wish, now),
        "no_credit_note": no_credit_note(row.order),
        "advice": list(advice(wish, now, issues_itself)),
        "names": names,
        "records": [record for place, record in records.items() if place in unproven and not wish.closed_at],
        "term": term(row.order),
        "invoice_page": _invoice_page(row.order, who),
        "may_approve": who.role in APPROVERS and not row.request.approved_at and not row.order.closed_at,
        "may_reject": who.role in APPROVERS and not row.order.closed_at,
        "may_cancel": who.role in CANCELLERS and not wish.closed_at,
    }


def _invoice_page(order: CertificateOrder, who: Caller) -> str | None:
    return f"/finance/invoices/{order.invoice_id}" if order.invoice_id and who.role in FINANCE else None


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
    if deed == "cancel" and order.reissue_id:
        asked["cancel"] = {"message": "The order stays as it was. What was charged for names it adds is given back.",
                           "kind": "danger", "reason_label": "Why is the reissue canceled?"}  # fmt: skip
    verb = "Cancel reissue of" if deed == "cancel" and order.reissue_id else deed.capitalize()
    verb = f"{verb} order"
    where = f"/orders/{order.id}"
    return {
        "title": f"{verb} {order.id}, {order.common_name}?",
        "action": f"{where}/{deed}",
        "verb": verb,
        "back": where,
        **asked[deed],
    }
