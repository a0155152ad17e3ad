"""What every issued document has: its parties as printed for good, and a copy to be printed."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.drafts import Draft
from services.billing.models import Account, Document
from shared.db import append
from shared.ids import new_id


def buyer_of(account: Account) -> dict[str, Any]:
    """A later change of the account changes no document."""
    return {
        "name": account.name,
        "legal_name": account.legal_name,
        "address": account.address,
        "vat_number": account.vat_number,
        "buyer_reference": account.buyer_reference,
        "emails": account.billing_emails,
    }


def to_render(tx: AsyncSession, draft: Draft, kind: str) -> None:
    append(
        tx, Document, id=new_id(), kind=kind, subject_id=draft.id, account_id=draft.account.id,
        due_at=draft.now, attempts=0, failure=None, rendered_at=None, sha256=None, pdf=None,
    )  # fmt: skip
