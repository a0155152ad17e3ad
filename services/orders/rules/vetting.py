"""Whether an organization may stand in a certificate, and until when: always computed from the checks themselves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from services.orders.rules.checklist import CATEGORIES, Item, Level, checklist
from services.orders.rules.countries import COUNTRIES

# BR 4.2.1 and EVG 11.14: what was found out of an organization is used for 398 days; a day less, so that no clock and
# no zone lengthens it.
REUSE = timedelta(days=398)
LEAD = timedelta(days=1)
WARNED_BEFORE = (30, 14, 7, 1)  # days
RENEWED_WITHIN = timedelta(days=WARNED_BEFORE[0])


@dataclass(frozen=True)
class Record:
    """The organization as the staff found it; nothing else comes into a certificate."""

    legal_name: str
    country: str
    city: str = ""
    state: str = ""
    zip: str = ""
    address: str = ""
    assumed_name: str = ""
    telephone: str = ""
    business_category: str = ""
    jurisdiction_country: str = ""
    jurisdiction_state: str = ""
    jurisdiction_city: str = ""
    registration_number: str = ""

    @property
    def organization_name(self) -> str:
        """EVG 9.2.1: an assumed name comes first, and the legal name after it in brackets."""
        return f"{self.assumed_name} ({self.legal_name})" if self.assumed_name else self.legal_name


@dataclass(frozen=True)
class Check:
    kind: str
    source: str
    passed: bool
    checked_on: date
    recorded_at: datetime
    user_id: int


@dataclass(frozen=True)
class Found:
    """An item with the check that counts for it, or why none does."""

    item: Item
    check: Check | None
    lack: str

    @property
    def usable_until(self) -> datetime | None:
        return usable_until(self.check.checked_on) if self.check else None


@dataclass(frozen=True)
class Verdict:
    found: tuple[Found, ...]
    lack: str = ""  # of the record itself

    @property
    def usable_until(self) -> datetime | None:
        """By the oldest check; None where one is missing."""
        counted = [found.usable_until for found in self.found if found.usable_until]
        return min(counted) if not self.lack and len(counted) == len(self.found) else None

    @property
    def checks(self) -> Sequence[Check]:
        return [found.check for found in self.found if found.check]

    @property
    def lacking(self) -> Sequence[str]:
        return [found.item.title for found in self.found if found.lack]

    def is_good(self, now: datetime) -> bool:
        return self.usable_until is not None and now < self.usable_until

    def is_renewed_since(self, asked_at: datetime) -> bool:
        return self.usable_until is not None and all(check.recorded_at >= asked_at for check in self.checks)


NOTHING = Verdict((), "no verified record has been made")


def usable_until(checked_on: date) -> datetime:
    return datetime.combine(checked_on, time(), UTC) + REUSE - LEAD


def judge(level: Level, record: Record, checks: Iterable[Check], record_by: int) -> Verdict:
    """The newest check of each kind counts, also where it failed."""
    newest = {check.kind: check for check in sorted(checks, key=lambda check: check.recorded_at)}
    items = checklist(level, bool(record.assumed_name))
    others = [newest[item.kind] for item in items if item.kind in newest and not item.by_another]
    found = [_found(level, item, newest.get(item.kind), others, record_by) for item in items]
    return Verdict(tuple(found), lack_of(level, record))


def _found(level: Level, item: Item, check: Check | None, others: Sequence[Check], record_by: int) -> Found:
    lack = _lack(level, item, check, others, record_by)
    return Found(item, None if lack else check, lack)


def _lack(level: Level, item: Item, check: Check | None, others: Sequence[Check], record_by: int) -> str:
    if check is None:
        return "not checked yet"
    if not check.passed:
        return f"failed on {check.checked_on}"
    if check.source not in item.sources[level]:
        return f"its source does not suffice for {level.upper()}"
    if item.by_another and check.user_id in people(others, record_by):
        return "made by one who did a part of what it reviews"
    if item.by_another and any(other.recorded_at > check.recorded_at for other in others):
        return "something was found out since"
    return ""


def people(checks: Iterable[Check], record_by: int) -> set[int]:
    """EVG 11.13: whoever collected a part of it does not review it."""
    return {record_by, *(check.user_id for check in checks)}


def lack_of(level: Level, record: Record) -> str:
    """What the record lacks for a subject of this level: BR 7.1.2.7.4, EVG 9.2."""
    if not record.legal_name or record.country.upper() not in COUNTRIES:
        return "the record needs the legal name and the country"
    if not (record.city or record.state):
        return "the record needs the city or the state"
    if level == "ev" and record.business_category not in CATEGORIES:
        return "the record needs a business category"
    if level == "ev" and not (record.jurisdiction_country and record.registration_number):
        return "the record needs the jurisdiction's country and the registration number"
    return ""


def next_look(until: datetime, warned_days: int | None, now: datetime) -> datetime:
    """When there is something to say next: a warning, or that it is over."""
    open_ones = [days for days in WARNED_BEFORE if warned_days is None or days < warned_days]
    moments = [until - timedelta(days=days) for days in open_ones]
    return next((moment for moment in moments if moment > now), until)


def due_warning(until: datetime, warned_days: int | None, now: datetime) -> int | None:
    """The nearest warning that is due and not given yet; those that were missed before it say nothing more."""
    due = [days for days in WARNED_BEFORE if until - timedelta(days=days) <= now < until]
    nearest = min(due, default=None)
    return nearest if nearest is not None and (warned_days is None or nearest < warned_days) else None
