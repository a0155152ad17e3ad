from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.events.base import Event, PublicId, ShortText
from shared.events.orders.base import CREDENTIALS, SOURCE


class CredentialChanged(Event):
    """State, not history: the highest version of a credential wins. A key is known by its SHA-256 only. Sessions of a
    user that began under a lower number than `session` are over."""

    topic: ClassVar[str] = CREDENTIALS
    source: ShortText = SOURCE
    type: Literal["credential_changed"] = "credential_changed"
    credential_id: ShortText
    version: Annotated[int, Field(ge=1)]
    kind: Literal["user", "api_key", "other"]
    user_id: PublicId
    user_name: ShortText
    email: str
    account_name: str = ""
    role: ShortText
    key_role: int = 0
    divisions: tuple[PublicId, ...] = ()
    session: Annotated[int, Field(ge=1)] = 1
    key_hash: str | None = None
    revoked_at: AwareDatetime | None = None

    @property
    def subject(self) -> str:
        return f"credential/{self.credential_id}"

    @property
    def key(self) -> str:
        return self.credential_id
