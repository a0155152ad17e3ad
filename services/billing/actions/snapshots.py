"""What every issued document has: its parties as printed for good, and a copy to be printed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.drafts import Draft
from services.billing.models import Account, Division, Document
from services.billing.rules import QuotedTax, SellerRow, vat_notes
from shared.db import append, known
from shared.ids import new_id


async def buyer_of(tx: AsyncSession, account: Account, division_id: int) -> dict[str, Any]:
    """A later change of the account changes no document. The division was read with the chunk: no query."""
    return account.as_buyer(await known(tx, Division, division_id))


def notes_of(groups: Sequence[QuotedTax], seller: SellerRow, account: Account) -> list[str]:
    """What has to be said about the VAT. A sentence of the first group stands first."""
    sentences = [group.sentence for group in groups if group.sentence]
    return sentences + vat_notes(groups, seller.printed.get("vat_number"), account.vat_number)


def to_render(tx: AsyncSession, draft: Draft, kind: str, *, silent: bool = False) -> None:
    append(
        tx, Document, id=new_id(), kind=kind, subject_id=draft.id, account_id=draft.account.id, silent=silent,
        due_at=draft.now, attempts=0, failure=None, rendered_at=None, sha256=None, pdf=None,
    )  # fmt: skip
