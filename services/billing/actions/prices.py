"""A list of prices is looked at first and added as a whole or not at all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.catalogue import insert_rows
from services.billing.actions.waiting import ask_all_unpriced
from services.billing.models import PriceUpload
from services.billing.queries.catalogue import lock_catalogue
from services.billing.queries.prices import planned
from services.billing.rules.price_file import Words, decoded, read_csv
from services.billing.rules.price_plan import PricePlan
from shared.audit import note
from shared.db import locked_or_none
from shared.errors import NotFound, Rejected


async def keep_price_file(
    tx: AsyncSession, upload_id: UUID, file_name: str, content: bytes, who: str, now: datetime
) -> None:
    """Nothing is added yet. Raises Rejected for what is no list of prices at all."""
    text = decoded(content)
    read_csv(text)
    row = {"id": upload_id, "file_name": file_name, "content": text, "uploaded_by": who, "uploaded_at": now}
    await tx.execute(insert(PriceUpload).values(row).on_conflict_do_nothing())


async def add_uploaded_prices(tx: AsyncSession, upload_id: UUID, who: str, now: datetime) -> int:
    """Judged again: others may have added rows since it was looked at. Twice adds nothing more."""
    await lock_catalogue(tx)
    upload = await locked_or_none(tx, PriceUpload, upload_id)
    if upload is None:
        raise NotFound("There is no such price list; upload the file again.", "not_found|price_upload")
    if upload.added is not None:
        return upload.added
    plan = await _add_planned(tx, read_csv(upload.content), who, f"price-upload/{upload_id}", now)
    upload.mark_added(len(plan.new), who, now)
    return len(plan.new)


async def add_prices(tx: AsyncSession, given: Sequence[tuple[int, Words]], who: str, now: datetime) -> PricePlan:
    await lock_catalogue(tx)
    return await _add_planned(tx, given, who, "price", now)


async def _add_planned(
    tx: AsyncSession, given: Sequence[tuple[int, Words]], who: str, subject: str, now: datetime
) -> PricePlan:
    plan = await planned(tx, given, now.date())
    if plan.refused:
        raise Rejected(_refusal(plan))
    if plan.new:
        await insert_rows(tx, [one.row for one in plan.new])
        await ask_all_unpriced(tx)
        note(tx, who, "prices added", subject, None, _noted(plan), now)
    return plan


def _refusal(plan: PricePlan) -> str:
    said = " ".join(f"Row {one.number}: {one.message}" for one in plan.refused[:5])
    more = f" So are {len(plan.refused) - 5:,} further rows." if len(plan.refused) > 5 else ""
    return f"Nothing was added, for rows are refused. {said}{more}"


def _noted(plan: PricePlan) -> dict[str, Any]:
    return {"rows": len(plan.new), "unchanged": plan.unchanged}
