"""Who may do what with organizations, by role. Those out of sight are 404, not 403."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.organizations import no_organization
from services.orders.actions.permissions import READERS
from services.orders.models import Organization
from shared.access import Caller
from shared.db import locked_or_none

ORGANIZATION_ADDERS = ("administrator", "manager", "standard_user")
ORGANIZATION_EDITORS = ("administrator", "manager")
ORGANIZATION_CLOSERS = (*ORGANIZATION_EDITORS, "operator")
STAFF = ("operator",)


async def organization_in_sight(tx: AsyncSession, caller: Caller, organization_id: int) -> Organization:
    caller.require(*READERS)
    organization = await queries.organization(tx, caller, organization_id)
    if organization is None:
        raise no_organization(organization_id)
    return organization


async def organization_to_change(
    tx: AsyncSession, caller: Caller, organization_id: int, roles: tuple[str, ...]
) -> Organization:
    caller.require(*READERS)
    organization = await locked_or_none(tx, Organization, organization_id)
    if organization is None or not caller.may_see(organization.account_id, organization.division_id):
        raise no_organization(organization_id)
    caller.require(*roles)
    return organization
