"""What an order says in the fields that its account made."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.models import CustomField, CustomValue
from shared.errors import Rejected


async def check_values(tx: AsyncSession, account_id: int, given: tuple[tuple[int, str], ...]) -> list[CustomField]:
    """The fields in the order they are given; what the account requires has to be among them."""
    fields = {field.id: field for field in await queries.custom_fields_of(tx, account_id) if field.is_active}
    values = {number: value for number, value in given if value}
    for number, value in values.items():
        if number not in fields:
            raise Rejected(f"There is no custom field {number} to fill in; GET /account/metadata lists them.")
        _check(fields[number], value)
    for field in fields.values():
        if field.is_required and field.id not in values:
            raise Rejected(
                f'Every order of this account says its "{field.label}"; give it in custom_fields with metadata_id '
                f"{field.id}."
            )
    return [fields[number] for number in values]


def _check(field: CustomField, value: str) -> None:
    if field.data_type == "int" and not value.lstrip("-").isdecimal():
        raise Rejected(f'"{field.label}" takes a whole number, not {value[:40]!r}.')
    if field.data_type == "email_address" and "@" not in value:
        raise Rejected(f'"{field.label}" takes an e-mail address, not {value[:40]!r}.')


def keep_values(tx: AsyncSession, order_id: int, fields: list[CustomField], given: tuple[tuple[int, str], ...]) -> None:
    values = dict(given)
    tx.add_all(
        CustomValue(order_id=order_id, metadata_id=field.id, label=field.label, value=values[field.id])
        for field in fields
    )
