"""What every request has in common, whatever it asks for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.models import BlockedKey, OrderRequest, RequestName
from services.orders.rules.csr import CheckedCsr, holds
from services.orders.rules.issuers import ACME
from services.orders.rules.secrets import dcv_random_value
from services.orders.rules.validity import Span
from shared.db import known
from shared.errors import Rejected
from shared.events import orders as facts
from shared.outbox import announce


@dataclass(frozen=True)
class Placer:
    who: str
    user_id: int | None = None
    approves: bool = False  # nobody else has to
    causation_id: str | None = None
    divisions: tuple[int, ...] = ()  # those they are restricted to


class CheckedCertificate(Protocol):
    """What the rules made of the certificate that is wished, with an order or on one."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def csr(self) -> CheckedCsr: ...

    @property
    def signature_hash(self) -> str: ...

    @property
    def cert_validity(self) -> Span | None: ...

    @property
    def dcv_method(self) -> str: ...


BLOCKED = "its key was reported as compromised; cancel it, and order or reissue with a new key"


async def is_blocked(tx: AsyncSession, request: OrderRequest) -> bool:
    """It was not when this was asked for; a report may come at any time before the certificate does."""
    return request.key_sha256 is not None and await known(tx, BlockedKey, request.key_sha256) is not None


async def refuse_blocked(tx: AsyncSession, csr: CheckedCsr) -> None:
    blocked = await known(tx, BlockedKey, csr.key_sha256)
    if blocked:
        raise Rejected(
            "The CSR's key was reported as compromised, and nothing is certified for it any more; "
            "make a new key and send a CSR made with it.",
            "key_compromised",
        )


async def new_request(
    tx: AsyncSession, kind: str, account_id: int, order_id: int, comments: str | None, by: Placer, now: datetime
) -> OrderRequest:
    return OrderRequest(
        id=await queries.take_id(tx, OrderRequest),
        account_id=account_id,
        order_id=order_id,
        type=kind,
        requested_at=now,
        requested_by=by.who,
        user_id=by.user_id,
        comments=comments,
    )


def wish_certificate(request: OrderRequest, checked: CheckedCertificate, server_platform_id: int | None) -> None:
    validity = checked.cert_validity or Span()
    request.common_name = checked.names[0]
    request.csr, request.key, request.key_sha256 = checked.csr.pem, checked.csr.key, checked.csr.key_sha256
    request.signature_hash, request.server_platform_id = checked.signature_hash, server_platform_id
    request.certificate_days, request.certificate_ends_on = validity.days, validity.ends_on
    request.dcv_method, request.dcv_random_value = checked.dcv_method, dcv_random_value()
    request.names = new_names(request, checked.names)


def new_names(request: OrderRequest, names: tuple[str, ...]) -> list[RequestName]:
    return [_new_name(request, position, name) for position, name in enumerate(names)]


def refuse_unsuited(tx: AsyncSession, product_name_id: str, csr: CheckedCsr, names: Iterable[str]) -> None:
    """Before it is paid: an ACME CA takes the names from the order and from the CSR, and both have to be the same
    (RFC 8555 7.4). Which CA issues a product is this process's setting."""
    settings = tx.info.get("settings")
    if settings and settings.issuer_of(product_name_id) == ACME and not holds(csr.pem, names):
        raise Rejected(
            "This product takes only a CSR that holds exactly the names of the request as subject alternative names; "
            "make a CSR with them."
        )


def _new_name(request: OrderRequest, position: int, name: str) -> RequestName:
    return RequestName(
        request_id=request.id,
        account_id=request.account_id,
        order_id=request.order_id,
        name=name,
        position=position,
        domain=name.removeprefix("*."),
        test_mode=False,
        failure_final=False,
        checks=0,
    )


def tell_submitted(tx: AsyncSession, request: OrderRequest, needs_approval: bool) -> None:
    order = request.order
    submitted = facts.RequestSubmitted.model_validate(
        {
            "account_id": order.account_id,
            "occurred_at": request.requested_at,
            "order_id": order.id,
            "request_id": request.id,
            "request_type": request.type,
            "common_name": request.common_name,
            "names": request.dns_names if request.issues else None,
            "needs_approval": needs_approval,
            "requested_by": request.requested_by[:255],
            "requested_by_user": request.user_id,
            "requested_at": request.requested_at,
            "product_name_id": order.product_name_id,
            "comments": request.comments,
            "dcv_method": request.dcv_method,
            "dcv_random_value": request.dcv_random_value,
            "certificate_id": request.revokes_id,
            "reason": request.revocation_reason,
        }
    )
    announce(tx, submitted)


def tell_decided(tx: AsyncSession, request: OrderRequest, decision: str, who: str, now: datetime) -> None:
    decided = facts.RequestDecided.model_validate(
        {
            "account_id": request.order.account_id,
            "occurred_at": now,
            "order_id": request.order_id,
            "request_id": request.id,
            "request_type": request.type,
            "decision": decision,
            "decided_by": who[:255],
            "requested_by_user": request.user_id,
            "comment": request.processor_comment,
        }
    )
    announce(tx, decided)
