"""What a sample is, and who looks at it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.access import Caller

NOW = datetime(2026, 11, 23, 10, 4, 7, tzinfo=UTC)


def caller(name: str, role: str, account: str = "Acme Example Inc.", account_id: int = 7) -> Caller:
    return Caller(
        credential_id="user/3", kind="user", account_id=account_id, user_id=3, name=name, email="ann@acme.example",
        account_name=account, role=role, key_role=0, divisions=(),
    )  # fmt: skip


ANN = caller("Ann Lee", "finance_manager")
OLE = caller("Ole Strand-Featherstonehaugh", "limited_user")
CARA = caller("Cara Novak", "operator", "", 0)


@dataclass(frozen=True)
class Sample:
    name: str
    service: str
    template: str
    path: str
    who: Caller | None
    context: dict[str, Any] = field(default_factory=dict)
