from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.validation.models import Domain
from services.validation.pages.words import chip_of, mail_row, method_name, record_of, timeline
from services.validation.queries.access import visible_domain
from services.validation.queries.history import ATTEMPTS, history, last_look, perspectives_of
from services.validation.queries.mails import mailing_of, mails_of
from services.validation.queries.standings import Standing, standing
from services.validation.rules.choosing import NAMES, WITH_TOKEN, offered
from services.validation.rules.methods import EMAIL
from shared.errors import DomainError
from shared.web import PageUser, Tx, now, page

router = APIRouter(prefix="/domains", include_in_schema=False)


@router.get("/{domain_id}")
async def shown(request: Request, tx: Tx, caller: PageUser, domain_id: int) -> Response:
    return await show(request, tx, await visible_domain(tx, caller, domain_id))


async def show(
    request: Request, tx: Tx, domain: Domain, refused: DomainError | None = None, notice: str = ""
) -> Response:
    policy = request.app.state.policy
    one = await standing(tx, policy, domain, now())
    past = await history(tx, domain)
    return page(
        request, "domain.html", refused.status if refused else 200, domain=domain, chip=chip_of(one),
        division=one.division_name,
        organization=one.organization.display_name if one.organization else "",
        account=one.account, proof=_proof(one), method=method_name(domain.method),
        pending=await _pending(request, tx, one), methods=[(m, NAMES[m]) for m in offered(policy, now())],
        faults=request.app.state.why_not_validating(), timeline=timeline(past),
        shortened=len(past) == ATTEMPTS, error=refused.message if refused else "",
        notice=notice,
    )  # fmt: skip


def _proof(one: Standing) -> dict[str, Any] | None:
    proof = one.known_proof
    if proof is None:
        return None
    return {
        "adn": proof.adn,
        "section": proof.method,
        "observed_at": proof.observed_at,
        "until": proof.usable_until,
        "over": one.proof is None,
        "test_mode": proof.test_mode,
        "renews_at": one.domain.renews_at if one.proof else None,
    }


async def _pending(request: Request, tx: Tx, one: Standing) -> dict[str, Any] | None:
    attempt = one.attempt
    if attempt is None:
        return None
    wanted = attempt.instructions(request.app.state.policy)
    look = await last_look(tx, attempt)
    others = await perspectives_of(tx, look) if look and attempt.message else []
    by_mail = attempt.method == EMAIL
    mails = await mails_of(tx, attempt) if by_mail else []
    mailing = await mailing_of(tx, attempt) if by_mail else None
    return {
        "method": method_name(attempt.method),
        "key": attempt.method,
        "renews": attempt.renews,
        "type": wanted.type,
        "record": record_of(wanted),
        "about": wanted.name,
        "mails": [mail_row(mail) for mail in mails],
        "mail_fault": mailing.fault if mailing else None,
        "expires_at": attempt.expires_at,
        "has_token": attempt.method in WITH_TOKEN,
        "checks": attempt.checks,
        "message": attempt.message,
        "outcome": attempt.outcome,
        "looked_at": look.finished_at if look and attempt.message else None,
        "next_at": attempt.due_at if attempt.due_at < attempt.expires_at else None,
        "names": attempt.requested,
        "perspectives": [(one.perspective, one.corroborates, one.message) for one in others],
    }
