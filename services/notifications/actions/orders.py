"""What orders and validation told, mailed to the people whom it concerns."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.notifications.actions.letters import Letter, Party, mail
from services.notifications.queries.audience import ToldToPeople, about, account_name, audience, division_of
from shared.events import orders, validation

NO_MONEY = {"total": None, "currency": None}


async def mail_certificate_issued(tx: AsyncSession, told: orders.CertificateIssued, now: datetime) -> None:
    content = {
        "common_name": told.common_name,
        "names": list(told.names),
        "serial_number": told.serial_number,
        "valid_till": told.valid_till.isoformat(),
    }
    await _mail(tx, told, told.common_name, content, now)


async def mail_certificate_expiring(tx: AsyncSession, told: orders.CertificateExpiring, now: datetime) -> None:
    content = {"common_name": told.common_name, "valid_till": told.valid_till.isoformat(), "days": told.days}
    await _mail(tx, told, told.common_name, content, now)


async def mail_certificate_revoked(tx: AsyncSession, told: orders.CertificateRevoked, now: datetime) -> None:
    content = {
        "serial_number": told.serial_number,
        "reason": told.reason,
        "revoked_on": told.revoked_at.date().isoformat(),
    }
    await _mail(tx, told, f"Order {told.order_id}", content, now)


async def mail_request_submitted(tx: AsyncSession, told: orders.RequestSubmitted, now: datetime) -> None:
    """Only where somebody has to decide."""
    if told.needs_approval:
        content = {
            "request_type": told.request_type,
            "common_name": told.common_name,
            "requested_by": told.requested_by,
            "comments": told.comments or "",
        }
        await _mail(tx, told, f"Order {told.order_id}", content, now)


async def mail_request_decided(tx: AsyncSession, told: orders.RequestDecided, now: datetime) -> None:
    """The rejection of a new order is told by `order_rejected`, and mailed once."""
    if told.decision == "rejected" and told.request_type == "new_request":
        return
    content = {
        "request_type": told.request_type,
        "decision": told.decision,
        "decided_by": told.decided_by,
        "comment": told.comment or "",
    }
    await _mail(tx, told, f"Order {told.order_id}", content, now)


async def mail_order_rejected(tx: AsyncSession, told: orders.OrderRejected, now: datetime) -> None:
    content = {"rejected_by": told.rejected_by, "reason": told.reason}
    await _mail(tx, told, f"Order {told.order_id}", content, now)


async def mail_domain_expiry(
    tx: AsyncSession, told: validation.DomainValidationExpiring | validation.DomainValidationExpired, now: datetime
) -> None:
    content = {
        "domain_id": told.domain_id,
        "days": getattr(told, "days", None),
        "usable_until": told.usable_until.date().isoformat(),
        "pending": told.revalidation_pending,
    }
    await _mail(tx, told, told.name, content, now)


async def mail_organization_expiring(tx: AsyncSession, told: orders.OrganizationExpiring, now: datetime) -> None:
    content = {
        "organization_id": told.organization.id,
        "level": told.level.upper(),
        "validated_until": told.validated_until.date().isoformat(),
        "days": told.days,
    }
    await _mail(tx, told, told.organization.name, content, now)


async def _mail(tx: AsyncSession, told: ToldToPeople, number: str, content: dict[str, Any], now: datetime) -> None:
    """Nobody to be told is no fault here: people switch mails off."""
    order = told.order.model_dump() if isinstance(told, orders.AboutOrder) else None
    party = Party(told.account_id, account_name(tx, told), division_of(tx, told))
    letter = Letter(about(told), told.type, party, number, NO_MONEY | {"order": order} | content)
    for one in audience(tx, told):
        await mail(tx, replace(letter, content=letter.content | {"why": one.why}), [one.address], now)
