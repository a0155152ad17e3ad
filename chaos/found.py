"""What is there in the end, as the checks compare it."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from chaos.plan import Deed
from chaos.sink import Mail

UNDER_THE_FUNDS = frozenset(
    ("order_charged", "order_waiting", "order_released", "invoice_issued", "credit_note_issued")
)


def lane(key: str, kind: str, subject: str) -> str:
    """What has an order among itself: facts about one subject, and all that is told while the account's funds are
    locked. Between other facts of an account there is none."""
    return f"account/{key}" if kind in UNDER_THE_FUNDS else f"{key} {subject}"


class Document(NamedTuple):
    number: str
    account_id: int
    id: UUID | None
    printed: bool


class Message(NamedTuple):
    document_id: UUID
    recipient: str
    message_id: str | None
    sent: bool


@dataclass
class Wire:
    """One topic: ids by lane in their order, repeats included, and what was told of orders, by the id of the fact."""

    ids: dict[str, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    told: dict[int, dict[UUID, Deed]] = field(default_factory=lambda: defaultdict(dict))
    ready: dict[UUID, set[UUID]] = field(default_factory=lambda: defaultdict(set))  # facts by document

    @property
    def records(self) -> int:
        return sum(map(len, self.ids.values()))


@dataclass
class Found:
    heard: dict[str, set[UUID]] = field(default_factory=dict)
    deeds: dict[int, list[Deed]] = field(default_factory=lambda: defaultdict(list))
    broken_balances: list[str] = field(default_factory=list)
    postings_sum: int = 0
    unbalanced: int = 0
    entries: int = 0
    numbers: dict[tuple[int, str, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    counters: dict[tuple[int, str, int], int] = field(default_factory=dict)
    documents: list[Document] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)
    parked: dict[str, list[tuple[bytes, bool]]] = field(default_factory=dict)
    needs: Counter[tuple[int, str]] = field(default_factory=Counter)
    messages: list[Message] = field(default_factory=list)
    mails: Sequence[Mail] = ()
    published: dict[str, dict[str, list[UUID]]] = field(default_factory=dict)  # by topic and lane, as it was to be said
    wire: dict[str, Wire] = field(default_factory=dict)
    unheard: dict[str, set[UUID]] = field(default_factory=dict)  # facts of billing that a listener has not in its inbox
