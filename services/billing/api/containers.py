from services.billing.models import Division
from services.billing.queries import finance
from shared.errors import NotFound
from shared.web import Tx, Who


async def division_to_fund(tx: Tx, caller: Who, container_id: int) -> Division:
    """Of which the caller may pay invoices or ask for funds."""
    division = await tx.get(Division, container_id)
    if division is None:
        raise NotFound(f"There is no container {container_id} that you may see; check its id.", "not_found|container")
    finance.require_finance_of(caller, division.account_id, division.id)
    return division
