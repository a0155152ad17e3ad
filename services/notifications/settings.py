from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from shared.settings import BaseSettings


class Settings(BaseSettings):
    service: ClassVar[str] = "notifications"

    billing_url: str = ""  # where documents are fetched; the public origin where it is not given
    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(25, ge=1, le=65535)
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    smtp_ca: str = Field("", repr=False)
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    mail_from: str = "Issuary <no-reply@localhost>"
    mail_reply_to: str = ""

    @model_validator(mode="after")
    def mail_is_sound(self) -> Self:
        own = "ISSUARY_NOTIFICATIONS_SMTP"
        if bool(self.smtp_user) != bool(self.smtp_password):
            raise ValueError(f"{own}_USER and {own}_PASSWORD belong together: give both or none")
        if self.smtp_tls == "none" and self.smtp_ca:
            raise ValueError(f"{own}_CA is given, but {own}_TLS=none: set it to starttls or tls")
        if self.smtp_tls == "none" and self.smtp_user:
            raise ValueError(f"{own}_TLS=none would send the password in the clear: set it to starttls or tls")
        return self
