"""What was refused is in no audit log, whichever door it came through."""

from typing import Any

import pytest

from tests.billing.months import terms
from tests.billing.test_from_funds import IN_NOV, market, requested
from tests.billing.test_pages import signed_in
from tests.billing.test_paying_pages import STAFF, post
from tests.billing.test_payments import announce
from tests.billing.test_purchase_orders import call
from tests.conftest import World

__all__ = ["market"]
FINANCE = "/services/v2/finance"
TOO_MUCH = {"amount": "90000.00"}
DEPOSIT = {"container_id": 14, "amount": "50.00", "reference": "SEPA 1"}


@pytest.fixture
async def canceled(market: World) -> int:
    """A payment that nobody can settle any more; SEPA 1 was booked, divisions have funds of their own."""
    await terms(market, IN_NOV, separate_funds=True)
    payment = (await announce(market, (await requested(market), "100.00"), total="100.00")).json()["id"]
    await call(market, "PUT", f"{FINANCE}/payment/{payment}/status", json={"status": "canceled"})
    await call(market, "POST", f"{FINANCE}/deposit", "staff", json=DEPOSIT)
    return int(payment)


async def noted(world: World) -> list[Any]:
    return [
        row.what for row in await world.rows("billing", "SELECT what FROM audit_log WHERE what !~ 'terms|catalogue'")
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{FINANCE}/deposit", DEPOSIT),
        ("PUT", FINANCE + "/payment/{payment}/status", {"status": "settled", "bank_reference": "SEPA 2"}),
        ("PUT", FINANCE + "/payment/{payment}/status", {"status": "reversed", "reason": "No cover"}),
        ("POST", f"{FINANCE}/transfer", {"from_container_id": 14, "to_container_id": 15} | TOO_MUCH),
        ("PUT", "/services/v2/account/subaccount/14/balance", {"transaction_type": "withdrawal"} | TOO_MUCH),
    ],
)
async def test_what_a_program_was_refused_is_not_noted(
    market: World, canceled: int, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = await call(market, method, path.format(payment=canceled), "staff", json=body)

    assert answer.status_code in (400, 409), answer.text
    assert await noted(market) == ["deposit recorded"]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/finance/payments/{payment}", {"status": "settled", "received": "5.00", "bank_reference": "SEPA 2"}),
        ("/finance/payments/{payment}", {"status": "reversed", "reason": "No cover"}),
        ("/finance/divisions/14", {"to_division": "15"} | TOO_MUCH),
    ],
)
async def test_what_a_person_was_refused_is_not_noted(
    market: World, canceled: int, path: str, form: dict[str, str]
) -> None:
    staff = STAFF if "payments" in path else {}
    async with signed_in(market, **staff) as http:
        page = "/finance/divisions/14" if "divisions" in path else "/finance/prices/uploads"
        answer = await post(http, page, path.format(payment=canceled), **form)

    assert answer.status_code in (400, 409), answer.text
    assert await noted(market) == ["deposit recorded"]
