from typing import ClassVar

from pydantic import SecretStr

from shared.settings import BaseSettings


class Settings(BaseSettings):
    service: ClassVar[str] = "orders"

    ca_key: SecretStr = SecretStr("")  # PEM of the built-in test CA's key; without it orders does not issue by itself
