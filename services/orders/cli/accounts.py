"""`python -m services ctl orders open-account NAME …`: an account with its first administrator and an API key."""

import argparse
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import actions, queries
from services.orders.actions import AccountDetails, UserDetails
from services.orders.models import AppUser, Division
from services.orders.rules.passwords import password_hash
from shared.audit import note
from shared.db import Database
from shared.errors import Conflict, Rejected
from shared.events import orders as facts

KEY_NAME = "first key"


def told(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m services ctl orders open-account")
    parser.add_argument("name", help="of the account, and of its top-level division where --division is not given")
    parser.add_argument("--administrator", required=True, metavar="EMAIL", help="signs in with the password printed")
    parser.add_argument("--currency", required=True, help="EUR")
    parser.add_argument("--legal-name", help="on invoices")
    for part in facts.Address.model_fields:
        parser.add_argument(f"--{part}", help="of the address; without one, orders wait" if part == "line1" else None)
    parser.add_argument("--vat-number")
    parser.add_argument("--billing-email", action="append", default=[], help="gets the documents; may be repeated")
    parser.add_argument("--division", help="name of the top-level division")
    parser.add_argument("--json", action="store_true", help="one line of JSON, for programs")
    return parser.parse_args(arguments)


async def open_account(db: Database, given: argparse.Namespace, who: str, now: datetime) -> dict[str, Any]:
    """Password and key are known to nobody but the caller from here on."""
    details, password, key = _details(given), secrets.token_urlsafe(12), secrets.token_urlsafe(32)
    async with db.transaction() as tx:
        if await queries.user_by_email(tx, given.administrator):
            raise Conflict(f"There is a user {given.administrator} already; give another address.")
        division = await actions.open_account(tx, details, given.division or given.name, now)
        user = await _administrator(tx, division, given.administrator, password, now)
        await actions.add_api_key(tx, user, division.account, KEY_NAME, key, now)
        note(tx, who, "account opened", f"account/{division.account_id}", None, {"name": given.name}, now)
    return {
        "account_id": division.account_id,
        "division_id": division.id,
        "administrator": given.administrator,
        "password": password,
        "api_key": key,
    }


async def _administrator(tx: AsyncSession, division: Division, email: str, password: str, now: datetime) -> AppUser:
    details = UserDetails(email, "", email.split("@")[0], "administrator", password_hash(password))
    return await actions.add_user(tx, division.account, details, now)


def _details(given: argparse.Namespace) -> AccountDetails:
    """What the fact would refuse is refused before anything is written."""
    address = {part: value for part in facts.Address.model_fields if (value := getattr(given, part))}
    about = {
        "name": given.name,
        "currency": given.currency,
        "legal_name": given.legal_name,
        "vat_number": given.vat_number,
    }
    try:
        facts.Account.model_validate(
            {"id": 1, **about, "address": address or None, "billing_emails": given.billing_email}
        )
    except ValidationError as error:
        fault = error.errors()[0]
        option = str(fault["loc"][-1]).replace("_", "-")
        raise Rejected(f"{option}: {fault['msg']}. Give it as --{option}, or see --help.") from None
    return AccountDetails(**about, address=address or None, billing_emails=tuple(given.billing_email))
