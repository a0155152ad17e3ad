"""A dossier as plain values, for the JSON of the export and for its page alike."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.validation.models import (
    CaaCheck,
    CaaPerspective,
    Evidence,
    EvidencePerspective,
    IssuanceQuestion,
    IssuedCertificate,
)
from services.validation.queries.dossiers import Dossier

EVIDENCE = (
    "id", "name", "requested", "method", "adn", "derivation", "place", "token_sha256", "token_created_at",
    "observed_at", "finished_at", "outcome", "reason", "message", "quorum", "perspective", "resolver_configuration",
    "suffixes_version", "software_version", "policy_version", "recorded_by", "test_mode", "caa", "queries",
)  # fmt: skip
CAA = (
    "id", "name", "checked_at", "finished_at", "outcome", "reason", "message", "decided_at", "permits", "quorum",
    "perspective", "resolver_configuration", "software_version", "policy_version", "test_mode", "queries",
)  # fmt: skip
PERSPECTIVE = (
    "perspective", "region", "corroborates", "alarm", "outcome", "reason", "message", "started_at", "milliseconds",
    "queries",
)  # fmt: skip
CERTIFICATE = ("certificate_id", "serial_number", "request_id", "issued_at")
QUESTION = ("id", "request_id", "names", "asked_at", "answered_at", "issue_before", "refused")


def exported(dossier: Dossier) -> dict[str, Any]:
    return {
        "account_id": dossier.account_id,
        "order": {"source": dossier.order.source, "id": dossier.order.id},
        "certificates": [_plain(one, CERTIFICATE) for one in dossier.certificates],
        "permissions": [_permission(dossier, one) for one in dossier.questions],
        "evidence": [_with_perspectives(dossier, one, EVIDENCE) for one in dossier.evidence],
        "caa_checks": [_with_perspectives(dossier, one, CAA) for one in dossier.caa],
    }


def _permission(dossier: Dossier, question: IssuanceQuestion) -> dict[str, Any]:
    relied = dossier.reliances.get(question.id, ())
    relied_on = [
        {"name": one.name, "evidence_id": str(one.evidence_id), "caa_check_id": str(one.caa_check_id)} for one in relied
    ]
    return _plain(question, QUESTION) | {"authorized": question.issue_before is not None, "relied_on": relied_on}


def _with_perspectives(dossier: Dossier, row: Evidence | CaaCheck, fields: tuple[str, ...]) -> dict[str, Any]:
    told = dossier.perspectives.get(row.id, ())
    return _plain(row, fields) | {"perspectives": [_plain(one, PERSPECTIVE) for one in told]}


def _plain(
    row: Evidence | CaaCheck | EvidencePerspective | CaaPerspective | IssuanceQuestion | IssuedCertificate,
    fields: tuple[str, ...],
) -> dict[str, Any]:
    return {name: _value(getattr(row, name)) for name in fields}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID) else value
