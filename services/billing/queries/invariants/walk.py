from dataclasses import dataclass
from uuid import UUID

NO_ID = UUID(int=0)


@dataclass(frozen=True)
class Invariant:
    number: int  # of its kind, which has several
    name: str
    breaches: str


@dataclass(frozen=True)
class Walk:
    """A table in the order of its key, window by window: a query sees the rows after `:after` up to `:until`."""

    table: str
    window: int
    invariants: tuple[Invariant, ...]
    key: str = "id"
    first: int | UUID = 0


@dataclass(frozen=True)
class History(Walk):
    """Of divisions: in the order of division and place, `:after_seq` and `:until_seq`."""

    key: str = "division_id, seq"
