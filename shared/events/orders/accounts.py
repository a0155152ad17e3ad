from typing import Annotated, Literal

from pydantic import Field

from shared.events.base import Currency, Part, PublicId, ShortText
from shared.events.orders.base import Account, Address, Division, OptionalText, OrdersCommand, OrdersFact

Email = Annotated[str, Field(min_length=3, max_length=255, pattern=r"^[^@\s]+@[^@\s]+$")]


class AccountOpened(OrdersFact):
    type: Literal["account_opened"] = "account_opened"
    account: Account
    division: Division


class AccountChanged(OrdersFact):
    type: Literal["account_changed"] = "account_changed"
    account: Account


class DivisionAdded(OrdersFact):
    type: Literal["division_added"] = "division_added"
    division: Division


class DivisionChanged(OrdersFact):
    """Renamed, or no longer ordered for, or again."""

    type: Literal["division_changed"] = "division_changed"
    division: Division


class User(Part):
    """Whom an account has: no divisions assigned means every one of them."""

    id: PublicId
    name: ShortText
    email: str
    role: ShortText
    divisions: tuple[PublicId, ...] = ()
    is_active: bool = True


class UserChanged(OrdersFact):
    """Added or changed: all that is known of a user, of account 0 for the staff of the CA. Passwords and keys never."""

    type: Literal["user_changed"] = "user_changed"
    user: User

    @property
    def subject(self) -> str:
        return f"user/{self.user.id}"


class Administrator(Part):
    email: Email
    first_name: OptionalText = None
    last_name: OptionalText = None


class OpenAccount(OrdersCommand):
    """Answered by `account_opened`, whose `causation_id` is this command's id; it has the new account's number, so here
    `account_id` is 0. Its administrator signs in by a one-time link that an operator makes."""

    type: Literal["open_account"] = "open_account"
    name: ShortText
    legal_name: OptionalText = None
    address: Address | None = None
    currency: Currency
    vat_number: OptionalText = None
    buyer_reference: OptionalText = None
    billing_emails: Annotated[tuple[Email, ...], Field(max_length=50)] = ()
    division: ShortText | None = None
    administrator: Administrator | None = None
