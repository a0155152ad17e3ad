"""What pages say of requests and certificates: what was wished, who decided, what may be done."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from services.orders import actions
from services.orders.models import NEW, OrderRequest
from services.orders.pages.shown import Chip
from services.orders.queries import ListedRequest, OfOrder, Row
from services.orders.rules.reading import read_pem
from shared.access import Caller

TYPES = {"new_request": "New order", "reissue": "Reissue", "duplicate": "Duplicate", "revoke": "Revocation"}
LONG = timedelta(hours=12)  # after which a revocation is for the CA's staff
# By the formats of rules/downloads.py.
FORMATS = (
    ("pem_all", "PEM, with intermediate and root"),
    ("pem_noroot", "PEM, with intermediate (nginx)"),
    ("apache", "ZIP for Apache"),
    ("pem_nointermediate", "PEM, certificate only"),
    ("crt", "CRT, certificate only"),
    ("p7b", "P7B, with chain (Windows, Java)"),
    ("cer", "CER, with chain"),
    ("default_pem", "ZIP of PEM files"),
    ("default_crt", "ZIP of CRT files"),
    ("default_cer", "ZIP of CER files"),
)
REASONS = (
    ("unspecified", "No particular reason"),
    ("keyCompromise", "The key is, or may be, in other hands"),
    ("superseded", "It was replaced"),
    ("cessationOfOperation", "The site is no longer run"),
    ("affiliationChanged", "The organization is another one now"),
)


def may_decide(request: OrderRequest, who: Caller) -> bool:
    own = request.user_id == who.user_id and who.role not in actions.APPROVES_OWN
    return who.role in actions.APPROVERS and not own and request.closed_at is None and request.approved_at is None


def state(request: OrderRequest) -> Chip:
    if request.rejected_at:
        return Chip("bad", "Rejected")
    if not request.approved_at:
        return Chip("wait", "To be decided", hollow=request.closed_at is not None)
    return Chip("good", "Done" if request.closed_at else "Approved", hollow=request.closed_at is None)


def request(each: OrderRequest, who: Caller) -> dict[str, Any]:
    decided = each.approved_by if each.approved_at else each.rejected_by
    return {
        "request": each,
        "type": TYPES[each.type],
        "chip": state(each),
        "decided_by": each.rejected_by or decided,
        "decided_at": each.rejected_at or each.approved_at,
        "reason": dict(REASONS).get(each.revocation_reason or "", each.revocation_reason),
        "may_decide": may_decide(each, who),
    }


def queued(row: ListedRequest, who: Caller, now: datetime) -> dict[str, Any]:
    """Of the order only what is needed: its open requests are not loaded here."""
    return {
        **request(row.request, who),
        "order": row.order,
        "division": row.division.name,
        "long": now - row.request.requested_at >= LONG,
        "age": (now - row.request.requested_at).total_seconds(),
    }


def certificates(found: Sequence[OfOrder], primary: int | None, today: date) -> list[dict[str, Any]]:
    """The order's own first."""
    return [
        {
            "certificate": each.certificate,
            "chip": _chip(each, today),
            "what": "In use" if each.certificate.id == primary else TYPES[each.type] if each.type != NEW else "First",
            "is_primary": each.certificate.id == primary,
            "standing": each.revocation is None,
            "issuer": read_pem(each.certificate.intermediate_pem).common_name,
        }
        for each in sorted(found, key=lambda each: each.certificate.id != primary)
    ]


def _chip(each: OfOrder, today: date) -> Chip:
    if each.revocation:
        return Chip("bad", "Revoked") if each.revocation.revoked_at else Chip("wait", "Being revoked")
    return Chip("", "Expired") if each.certificate.valid_till < today else Chip("good", "Valid")


def rights(row: Row, found: Iterable[OfOrder], open_wish: OrderRequest, who: Caller, now: datetime) -> dict[str, bool]:
    """Which buttons there are; the actions decide again."""
    order = row.order
    places, acts = who.role in actions.PLACERS, who.role in actions.CANCELLERS
    is_issued = order.issued_at is not None and order.revoking_at is None and order.revoked_at is None
    runs = is_issued and order.ends_on(now.date()) >= now.date()
    unproven = open_wish.closed_at is None and not all(name.is_proven(now) for name in open_wish.names)
    return {
        "may_reissue": places and runs and not order.reissue_id,
        "may_revoke": acts and order.issued_at is not None and any(each.revocation is None for each in found),
        "may_renew": places and order.issued_at is not None and row.renewed_by is None,
        "may_set_auto": places and runs,
        "may_check": acts and unproven,
        "may_note": acts,
    }
