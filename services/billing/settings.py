from typing import ClassVar

from pydantic import Field

from shared.settings import BaseSettings


class Settings(BaseSettings):
    service: ClassVar[str] = "billing"

    # Credit limit of a new account by currency, in minor units: "USD:200000,EUR:200000"; 0 where unset.
    default_limits: str = ""
    payment_days: int = Field(30, ge=0, le=365)

    def limits(self) -> dict[str, int]:
        pairs = (pair.split(":") for pair in self.default_limits.split(",") if pair.strip())
        return {currency.strip(): int(limit) for currency, limit in pairs}
