from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.administration import account_to_manage
from services.orders.models import CustomField
from services.orders.rules import people
from shared import audit
from shared.access import Caller
from shared.db import add, locked_or_none
from shared.errors import Conflict, NotFound, Rejected

DATA_TYPES = ("text", "anything", "int", "email_address", "email_list")
MOST = 100  # of an account


@dataclass(frozen=True)
class FieldChange:
    """What is not named stays as it is."""

    label: str | None = None
    description: str | None = None
    data_type: str | None = None
    is_required: bool | None = None
    is_active: bool | None = None


async def add_custom_field(
    tx: AsyncSession, caller: Caller, account_id: int | None, wished: FieldChange, now: datetime
) -> CustomField:
    account = await account_to_manage(tx, caller, account_id)
    there = await queries.custom_fields_of(tx, account.id)
    if len(there) >= MOST:
        raise Conflict(f"An account has at most {MOST} custom fields; change one that is of no more use.")
    field = CustomField(
        id=await queries.take_id(tx, CustomField), account_id=account.id, label="", description="", data_type="text",
        is_required=False, is_active=True,
    )  # fmt: skip
    _apply(field, FieldChange(**vars(wished) | {"label": wished.label or ""}), there)
    add(tx, field)
    audit.note(tx, caller.email, "custom field added", f"custom-field/{field.id}", None, _said(field), now)
    return field


async def change_custom_field(
    tx: AsyncSession, caller: Caller, account_id: int | None, field_id: int, change: FieldChange, now: datetime
) -> CustomField:
    account = await account_to_manage(tx, caller, account_id)
    field = await locked_or_none(tx, CustomField, field_id)
    if field is None or field.account_id != account.id:
        raise NotFound(f"There is no custom field {field_id} in this account.", "not_found|metadata")
    before = _said(field)
    _apply(field, change, [one for one in await queries.custom_fields_of(tx, account.id) if one.id != field_id])
    if _said(field) != before:
        audit.note(tx, caller.email, "custom field changed", f"custom-field/{field_id}", before, _said(field), now)
    return field


def _apply(field: CustomField, change: FieldChange, others: Any) -> None:
    """An order that has a value of another type keeps it: only new ones are asked for the new type."""
    if change.label is not None:
        label = people.needed(change.label, "The label", 100)
        if any(one.label.casefold() == label.casefold() for one in others):
            raise Conflict(f'There is a field "{label}" already; give another label.', "name_exists")
        field.label = label
    if change.description is not None:
        field.description = people.one_line(change.description, "The description", 500)
    if change.data_type is not None:
        field.data_type = _data_type(change.data_type)
    field.is_required = field.is_required if change.is_required is None else change.is_required
    field.is_active = field.is_active if change.is_active is None else change.is_active


def _data_type(wished: str) -> str:
    if wished not in DATA_TYPES:
        raise Rejected(f'data_type "{wished[:40]}" is not offered; use {", ".join(DATA_TYPES)}.')
    return wished


def _said(field: CustomField) -> dict[str, Any]:
    names = ("label", "description", "data_type", "is_required", "is_active")
    return {name: getattr(field, name) for name in names}
