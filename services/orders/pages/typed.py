"""What forms of orders have in common: what was typed, what is wrong with it and where, and that a form counts once."""

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import TypeVar

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile

from services.orders.rules.csr import MAX_LENGTH
from services.orders.rules.names import dns_name
from services.orders.rules.validity import Span, span
from shared.access import Caller
from shared.errors import DomainError, Rejected
from shared.idempotency import Answer, earlier_answer, hash_input, keep_answer

T = TypeVar("T")
MOST_SAID = 3  # wrong names are told together, but not all of 250
MOST_COMMENTS = 2000
# By the code of a refusal, at which field it is told; any other is told above the form.
PLACES = {
    "key_compromised": "csr",
    "payment_method_not_available": "payment_method",
    "invalid_dcv_method": "dcv_method",
    "not_found|organization": "organization",
    "not_found|container": "division",
    "not_found|certificate": "certificate",
}


async def typed(request: Request) -> dict[str, str]:
    """With the file of the CSR, where one was chosen, in the place of what was pasted."""
    sent = await request.form()
    found = {name: value.strip() for name, value in sent.items() if isinstance(value, str) and name != "csrf"}
    file = sent.get("csr_file")
    if isinstance(file, UploadFile) and (raw := await file.read(MAX_LENGTH + 1)):
        found["csr"] = _text(raw)
    if any("\0" in text for text in found.values()):
        raise Rejected("A text has a NUL character, which cannot be kept; take it out.")
    return found


def _text(raw: bytes) -> str:
    """PEM as it is; DER, which is no text, as its base64."""
    try:
        return raw.decode("ascii").strip()
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode("ascii")


class Faults(dict[str, str]):
    """The sentence of each field that is refused; what is not there at all makes the answer a 404."""

    status = 400

    def of(self, field: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except DomainError as refused:
            self.tell(refused, field)
            return None

    async def of_rows(self, field: str, read: Awaitable[T]) -> T | None:
        try:
            return await read
        except DomainError as refused:
            self.tell(refused, field)
            return None

    def tell(self, refused: DomainError, field: str | None = None) -> None:
        self[PLACES.get(refused.code, "") if field is None else field] = refused.message
        self.status = max(self.status, refused.status)


def names_typed(text: str) -> tuple[str, ...]:
    """One a line; commas and spaces part them too."""
    raw = text.replace(",", " ").split()
    if not raw:
        raise Rejected("Give the names, one per line, such as www.acme.example.")
    wrong = [refused for name in raw if (refused := _refusal(name))]
    if wrong:
        raise Rejected(" ".join(wrong[:MOST_SAID]))
    return tuple(dict.fromkeys(dns_name(name) for name in raw))


def _refusal(name: str) -> str:
    try:
        dns_name(name)
    except DomainError as refused:
        return refused.message
    return ""


def csr_typed(text: str) -> str:
    if not text:
        raise Rejected("Paste the CSR, or choose its file.")
    return text


def term_typed(years: str, ends_on: str) -> Span | None:
    """A last day wins over years."""
    return span(int(years) if is_number(years) else None, None, day_typed(ends_on))


def day_typed(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Rejected(f'"{text[:40]}" is no day; write it like 2026-11-23.') from None


def comments_typed(text: str) -> str | None:
    if len(text) > MOST_COMMENTS:
        raise Rejected(f"A comment has at most {MOST_COMMENTS:,} characters, this one has {len(text):,}.")
    return text or None


def is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text) > 0


async def once(
    tx: AsyncSession, who: Caller, form: Mapping[str, str], act: Callable[[], Awaitable[str]]
) -> str:  # fmt: skip
    """Where to go on. A button that is pressed twice sends the same form twice, which counts once."""
    told = hash_input(form.get("once", ""), json.dumps(dict(form), sort_keys=True))
    scope = f"form/{who.account_id}/{who.user_id}"
    if earlier := await earlier_answer(tx, scope, told, told):
        return str(earlier.body)
    where = await act()
    await keep_answer(tx, scope, told, Answer(303, where))
    return where
