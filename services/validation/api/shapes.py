"""Domains as the Services API says them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.validation.models import Attempt, DcvMail
from services.validation.queries.standings import Standing
from services.validation.rules.choosing import WITH_TOKEN
from services.validation.rules.instructions import Instructions
from services.validation.rules.methods import CAA_CONTACT, CONSTRUCTED, TXT_CONTACT
from services.validation.rules.policy import Policy
from shared.listing import Listing

TYPES = {
    "ov": ("OV", "Normal Organization Validation"),
    "ev": ("EV", "Extended Organization Validation (EV)"),
    "cs": ("CS", "Code Signing Organization Validation"),
    "ev_cs": ("EV CS", "Code Signing Organization Extended Validation (EV CS)"),
    "ds": ("DS", "Document Signing Validation"),
    "smime": ("SMIME", "Secure Email Validation"),
    "dv": ("DV", "Domain Validation"),
}


def moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def without_none(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def page_of(total: int, listing: Listing) -> dict[str, int]:
    return {"total": total, "limit": listing.limit, "offset": listing.offset}


def domain_out(
    one: Standing, policy: Policy, *, dcv: bool = False, validations: bool = True, expiration: bool = False,
    reuse: bool = False,
) -> dict[str, Any]:  # fmt: skip
    domain, proof = one.domain, one.known_proof
    until = moment(one.proof.usable_until) if one.proof else None
    told = {
        "id": domain.id,
        "is_active": domain.is_active,
        "status": one.status,
        "revalidation_pending": one.revalidation_pending,
        "is_pending_validation": one.attempt is not None,
        "name": domain.name,
        "date_created": moment(domain.created_at),
        "last_submitted_datetime": moment(domain.submitted_at),
        "dcv_approval_datetime": moment(proof.observed_at) if proof else None,
        "organization": _organization(one) if domain.organization_id else None,
        "container": _container(one) if domain.division_id else None,
        "dcv_method": domain.method,
        "dcv_expiration": dict.fromkeys(_types(one), until) if expiration and until else None,
        "validations": [_validation(one, kind, dcv, reuse) for kind in _types(one)] if validations else None,
    }
    return without_none(told) | (pending_out(one.attempt, policy) if dcv and one.attempt else {})


def _organization(one: Standing) -> dict[str, Any]:
    """Whether it is active is known to orders alone."""
    told = one.organization
    names = {"name": told.name, "display_name": told.display_name} if told else {}
    return {"id": one.domain.organization_id} | names


def _container(one: Standing) -> dict[str, Any]:
    is_active = one.division is None or one.division.is_active
    return {"id": one.domain.division_id, "name": one.division_name, "is_active": is_active}


def _types(one: Standing) -> list[str]:
    return one.domain.types or ["ov"]


def _validation(one: Standing, kind: str, dcv: bool, reuse: bool) -> dict[str, Any]:
    """`status` is pending or active, or expired; a domain that was never submitted is pending too."""
    name, description = TYPES[kind]
    proof = one.known_proof
    told = {
        "type": kind,
        "name": name,
        "description": description,
        "date_created": moment(one.domain.submitted_at or one.domain.created_at),
        "validated_until": moment(proof.usable_until) if proof else None,
        "status": "pending" if one.status == "new" else one.status,
        "dcv_status": ("complete" if one.proof else "pending") if dcv else None,
        "reuse_status": ("active" if one.proof else "expired") if reuse else None,
    }
    return without_none(told)


def validations_out(one: Standing) -> list[dict[str, Any]]:
    return [_validation(one, kind, dcv=True, reuse=False) for kind in _types(one)]


def pending_out(attempt: Attempt, policy: Policy, status: str = "pending") -> dict[str, Any]:
    """What is to be published or confirmed: a token, mail addresses, or a record, by the method."""
    wanted = attempt.instructions(policy)
    found: dict[str, Any] = {}
    if attempt.method in WITH_TOKEN:
        found["dcv_token"] = token_out(attempt, wanted, status)
    if wanted.type == "MAIL":
        found["validation_emails"] = emails_out(attempt, wanted)
    if wanted.type in ("TXT", "CNAME"):
        found["dcv_record"] = {"name": wanted.name, "type": wanted.type, "value": wanted.value}
    return found


def token_out(attempt: Attempt, wanted: Instructions, status: str | None = "pending") -> dict[str, Any]:
    told = {
        "token": attempt.token,
        "status": status,
        "expiration_date": moment(attempt.expires_at),
        "verification_value": wanted.verification_value,
        "http_token_url": wanted.http_token_url,
    }
    return without_none(told)


def emails_out(attempt: Attempt, wanted: Instructions) -> dict[str, Any]:
    """WHOIS addresses ended on 2025-05-08; the field stays, empty. Contacts that the DNS names are looked up later and
    shown with the domain."""
    return {"name_scope": wanted.name, "base_emails": list(wanted.addresses), "whois_emails": []}


def invitations_out(attempt: Attempt, mails: Sequence[DcvMail]) -> dict[str, Any]:
    """As older clients read it; `status`, `reason` and the addresses in the DNS are ours."""
    sources = {CONSTRUCTED: "base", CAA_CONTACT: "dns_caa", TXT_CONTACT: "dns_txt"}
    told = [
        {
            "invitation_id": str(mail.id),
            "email": mail.recipient,
            "source": sources[mail.section],
            "date_sent": moment(mail.sent_at),
            "name_scope": mail.adn,
            "status": mail.state,
            "reason": mail.reason,
        }
        for mail in mails
    ]
    scope = attempt.name_scope or attempt.name
    return {"method": attempt.method, "name_scope": scope, "dcv_invitations": [without_none(one) for one in told]}
