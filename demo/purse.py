"""The balance as the API says it, and its formula, looked at after every step that moves money."""

from dataclasses import dataclass
from decimal import Decimal

import httpx

from demo.failure import must


@dataclass(frozen=True)
class Balance:
    balance: Decimal
    limit: Decimal
    unpaid: Decimal
    elsewhere: Decimal
    available: Decimal

    @property
    def formula(self) -> Decimal:
        return self.balance + self.limit - self.unpaid - self.elsewhere


@dataclass
class Purse:
    http: httpx.AsyncClient
    container_id: int
    last: Balance | None = None

    async def look(self) -> Balance:
        answer = await self.http.get("/services/v2/finance/balance", params={"container_id": self.container_id})
        must(answer.status_code == 200, f"The balance was answered with {answer.status_code}: {answer.text[:300]}")
        told = answer.json()
        must("total_available_funds" in told, "The demo account is unlimited now; `make reset` makes it as it was.")
        self.last = Balance(
            balance=Decimal(told["balance"]),
            limit=Decimal(told["negative_balance_limit"]),
            unpaid=Decimal(told["unpaid_invoice_balance"]),
            elsewhere=Decimal(told["used_credit_from_other_containers"]),
            available=Decimal(told["total_available_funds"]),
        )
        must(
            self.last.available == self.last.formula,
            f"total_available_funds is {self.last.available}, but its four terms make {self.last.formula}.",
        )
        return self.last

    async def changed_by(self, amount: Decimal) -> Balance:
        """The balance moved by exactly this since the last look."""
        before = self.last or await self.look()
        after = await self.look()
        must(
            after.balance - before.balance == amount,
            f"The balance went from {before.balance} to {after.balance}, not by {amount}. Does somebody else use the "
            "demo account at the same time?",
        )
        return after
