from typing import ClassVar, Literal

from pydantic import Field, SecretStr

from shared.settings import BaseSettings


class Settings(BaseSettings):
    service: ClassVar[str] = "notifications"

    billing_url: str = ""  # where documents are fetched; the public origin where it is not given
    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(25, ge=1, le=65535)
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    mail_from: str = "Issuary <no-reply@localhost>"
    mail_reply_to: str = ""
