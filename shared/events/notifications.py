from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime

from shared.events.base import Event, ShortText

TOPIC = "notifications.events.v1"
SOURCE = "issuary/notifications"


class NotificationsFact(Event):
    topic: ClassVar[str] = TOPIC
    source: ShortText = SOURCE


class AboutMessage(NotificationsFact):
    message_id: UUID
    document_id: UUID | None = None
    document_number: str | None = None
    template: ShortText
    recipient: ShortText

    @property
    def subject(self) -> str:
        return f"message/{self.message_id}"


class EmailSent(AboutMessage):
    type: Literal["email_sent"] = "email_sent"
    internet_message_id: ShortText
    sent_at: AwareDatetime


class EmailFailed(AboutMessage):
    """`final` tells that it is not tried again by itself."""

    type: Literal["email_failed"] = "email_failed"
    reason: str
    attempts: int
    final: bool
