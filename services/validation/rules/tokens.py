"""Random Values: what an applicant publishes to prove control."""

import base64
import hashlib
import math
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

# BR 1.6.1: unusable 30 days after its creation, even if still published (TK1). The longer life of .7 is not used (TK4).
TOKEN_LIFE = timedelta(days=30)
NEEDED_BITS = 112
ALPHABETS = ((r"[0-9]", 10), (r"[0-9a-f]|[0-9A-F]", 16), (r"[a-z2-7]|[A-Z2-7]", 32), (r"[0-9a-z]|[0-9A-Z]", 36))
OUR_SHAPE = re.compile(r"(?<![a-z0-9])[a-z2-7]{32}(?![a-z0-9])")


@dataclass(frozen=True, slots=True)
class Token:
    """`id` is what a commit compares: a token that was replaced while a check ran proves nothing (TK3)."""

    id: str
    value: str
    created_at: datetime

    @property
    def expires_at(self) -> datetime:
        return self.created_at + TOKEN_LIFE

    def is_alive(self, now: datetime) -> bool:
        return self.created_at <= now < self.expires_at


def random_value() -> str:
    """160 bits in 32 lower-case base32 characters: it may have to live in a DNS name, where case does not count."""
    return base64.b32encode(secrets.token_bytes(20)).decode().lower()


def fingerprint(value: str) -> str:
    """What evidence keeps; the value itself stays with the pending attempt only (TK7)."""
    return hashlib.sha256(value.encode()).hexdigest()


def why_unfit(value: str) -> str | None:
    """Why an order's own random value cannot be taken, if so: it must be able to hold 112 bits (TK1)."""
    if not re.fullmatch(r"[!#-\[\]-~]{1,255}", value):
        return "it must be 1 to 255 visible ASCII characters without quotes and backslashes"
    bits = len(value) * math.log2(_alphabet(value))
    if bits < NEEDED_BITS or len(set(value)) < 8:
        return f"it is too short to hold {NEEDED_BITS} random bits; 32 characters of a-z and 2-7 are usual"
    return None


def dying_last(tokens: Iterable[Token], now: datetime) -> datetime | None:
    return max((token.expires_at for token in tokens if token.is_alive(now)), default=None)


def looks_like_a_token(text: str) -> bool:
    return OUR_SHAPE.search(text) is not None


def _alphabet(value: str) -> int:
    for alphabet, size in ALPHABETS:
        if any(re.fullmatch(f"(?:{case})+", value) for case in alphabet.split("|")):
            return size
    return 62
