"""What is waited for, and why: said when it begins, when the reason is another one, and when it is over; else every
five minutes. An attempt is no news."""

import asyncio
import logging
import os
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from shared.log import AGAIN_AFTER

log = logging.getLogger(__name__)

LONGEST_PAUSE = 5.0
PAUSE_BY_HAND = 10.0

Found = TypeVar("Found")


class Outage(Exception):
    """Something outside is not to be had; a sentence. `by_hand`: an operator has to mend it, so it is asked seldom."""

    def __init__(self, reason: str, by_hand: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.by_hand = reason, by_hand


@dataclass
class Waiting:
    """`reasons`: by the thing that is waited for."""

    service: str
    reasons: dict[str, str] = field(default_factory=dict)
    _said: dict[tuple[str, str], float] = field(default_factory=dict)

    def because(self, thing: str, reason: str) -> None:
        now = time.monotonic()
        said_at = self._said.get((thing, reason))
        if said_at is None or now - said_at > AGAIN_AFTER:
            self._said[thing, reason] = now
            log.warning(reason, extra={"service": self.service})
        self.reasons[thing] = reason

    def over(self, thing: str) -> None:
        if self.reasons.pop(thing, None) is not None:
            log.info(f"{thing}: there again", extra={"service": self.service})
            self._said = {said: at for said, at in self._said.items() if said[0] != thing}

    async def until(self, thing: str, attempt: Callable[[], Awaitable[Found]]) -> Found:
        pause = 0.1
        while True:
            try:
                found = await attempt()
            except Outage as outage:
                self.because(thing, outage.reason)
                pause = PAUSE_BY_HAND if outage.by_hand else min(pause * 2, LONGEST_PAUSE)
                await asyncio.sleep(pause)
            else:
                self.over(thing)
                return found


def in_words(error: BaseException) -> str:
    if isinstance(error, Outage):
        return error.reason
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message.rstrip('.')}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return " ".join(f"{type(error).__name__} {error}".split())[:200]
