"""What an account would pay, asked of the dated data as they are now."""

from dataclasses import replace
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account
from services.billing.queries import documents
from services.billing.queries.catalogue import newest_catalogue
from services.billing.rules.estimate import Estimate, make_estimate
from services.billing.rules.price_list import Offer, price_list
from shared.access import Caller
from shared.errors import Denied, NotFound, Rejected


async def account_of(tx: AsyncSession, caller: Caller, account_id: int | None) -> Account:
    """The caller's own account; an operator has none and says which."""
    if caller.role not in documents.FINANCE:
        raise Denied("This role may not see prices; ask a finance manager of your account.")
    if caller.is_operator and account_id is None:
        raise Rejected("Say whose prices: as an operator you see those of every account by its account_id.")
    wanted = account_id if caller.is_operator else caller.account_id
    account = await tx.get(Account, wanted)
    if account is None:
        raise NotFound(f"Billing does not know account {wanted}; check its number.", "not_found|account")
    return account


async def estimate(
    tx: AsyncSession, account: Account, product: str, years: int | None, days: int | None, names: tuple[str, ...],
    country: str | None, today: date,
) -> Estimate:  # fmt: skip
    """`country`: of an address to estimate the VAT with, in place of the account's."""
    wanted = account.wanted(product, years, days, names)
    if country:
        wanted = replace(wanted, buyer_country=country, buyer_complete=True)
    return make_estimate(await newest_catalogue(tx), wanted, today)


async def offers(tx: AsyncSession, account: Account, today: date) -> list[Offer]:
    return price_list(await newest_catalogue(tx), account.id, account.currency, today)
