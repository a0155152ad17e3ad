"""OV by BR 3.2.2 and 3.2.5, EV by EVG 11: what counts, until when, and who may say so."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.rules.checklist import ITEMS, LEVELS, SOURCES, Level, checklist
from services.orders.rules.issuance import Subject
from services.orders.rules.subject import subject_of
from services.orders.rules.vetting import (
    Check,
    Record,
    due_warning,
    judge,
    next_look,
    usable_until,
)

DAY = date(2026, 11, 2)
AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
CARA, OLGA = 7, 8
RECORD = Record(
    "Acme Example Inc.", "US", "Lehi", "Utah", "84043", "1 Main Street",
    business_category="Private Organization", jurisdiction_country="US", jurisdiction_state="Delaware",
    registration_number="5157550",
)  # fmt: skip


def checks(level: Level, record: Record = RECORD, on: date = DAY) -> list[Check]:
    """All that are needed, each from the first source that suffices; the last by Olga, the others by Cara."""
    return [
        Check(item.kind, item.sources[level][0], True, on, AT + timedelta(minutes=n), OLGA if item.by_another else CARA)
        for n, item in enumerate(checklist(level, bool(record.assumed_name)))
    ]


def until(level: Level, given: list[Check], record: Record = RECORD) -> datetime | None:
    return judge(level, record, given, CARA).usable_until


@pytest.mark.parametrize("level", LEVELS)
def test_with_every_check_it_is_usable_for_398_days_less_one(level: Level) -> None:
    assert until(level, checks(level)) == datetime(2027, 12, 4, tzinfo=UTC)
    assert datetime(2027, 12, 4, tzinfo=UTC) - datetime(2026, 11, 2, tzinfo=UTC) == timedelta(days=397)


@pytest.mark.parametrize("level", LEVELS)
def test_with_any_check_missing_or_failed_it_is_not_usable(level: Level) -> None:
    every = checks(level)
    for n, check in enumerate(every):
        assert until(level, every[:n] + every[n + 1 :]) is None
        assert until(level, [*every[:n], replace(check, passed=False), *every[n + 1 :]]) is None


@given(st.lists(st.integers(0, 397), min_size=4, max_size=4))
def test_the_oldest_check_says_until_when(ages: list[int]) -> None:
    every = [
        replace(check, checked_on=DAY - timedelta(days=age)) for check, age in zip(checks("ov"), ages, strict=True)
    ]

    assert until("ov", every) == usable_until(DAY - timedelta(days=max(ages)))


def test_398_days_by_the_clock() -> None:
    found = judge("ov", RECORD, checks("ov"), CARA)

    assert found.is_good(datetime(2027, 12, 3, 23, 59, 59, tzinfo=UTC))
    assert not found.is_good(datetime(2027, 12, 4, tzinfo=UTC))


def test_the_newest_check_of_a_kind_counts_also_where_it_failed() -> None:
    failed = replace(checks("ov")[0], passed=False, recorded_at=AT + timedelta(hours=1))
    better = replace(failed, passed=True, recorded_at=AT + timedelta(hours=2))

    assert until("ov", [*checks("ov"), failed]) is None
    assert until("ov", [failed, better, *checks("ov")]) == usable_until(DAY)


def test_what_suffices_for_ov_need_not_suffice_for_ev() -> None:
    every = checks("ev")
    weak = replace(every[0], source="attestation_letter")

    assert until("ov", [weak, *every[1:]]) is not None
    found = judge("ev", RECORD, [weak, *every[1:]], CARA)
    assert found.usable_until is None
    assert found.found[0].lack == "its source does not suffice for EV"


def test_what_suffices_for_ev_suffices_for_ov() -> None:
    assert until("ov", checks("ev")) == usable_until(DAY)
    for item in ITEMS:
        if "ov" in item.sources:
            assert set(item.sources["ev"]) <= set(item.sources["ov"]), item.kind


def test_evg_11_13_the_last_check_counts_by_a_second_person_only() -> None:
    *others, last = checks("ev")

    assert until("ev", [*others, replace(last, user_id=CARA)]) is None
    assert judge("ev", RECORD, [*others, last], OLGA).usable_until is None  # Olga entered the record
    assert until("ev", [replace(others[0], user_id=OLGA), *others[1:], last]) is None


def test_evg_11_13_what_is_found_out_later_is_reviewed_again() -> None:
    *others, last = checks("ev")
    later = replace(others[0], recorded_at=AT + timedelta(days=1))

    assert until("ev", [later, *others[1:], last]) is None
    assert until("ev", [later, *others[1:], replace(last, recorded_at=AT + timedelta(days=2))]) is not None


def test_an_assumed_name_is_checked_where_there_is_one() -> None:
    named = replace(RECORD, assumed_name="Acme")

    assert until("ov", checks("ov"), named) is None
    assert until("ov", checks("ov", named), named) is not None


@pytest.mark.parametrize(
    ("changes", "lack"),
    [
        ({"business_category": ""}, "the record needs a business category"),
        ({"registration_number": ""}, "the record needs the jurisdiction's country and the registration number"),
        ({"jurisdiction_country": ""}, "the record needs the jurisdiction's country and the registration number"),
        ({"city": "", "state": ""}, "the record needs the city or the state"),
    ],
)
def test_a_record_without_what_evg_9_2_asks_for_is_not_validated(changes: dict[str, str], lack: str) -> None:
    found = judge("ev", replace(RECORD, **changes), checks("ev"), CARA)

    assert (found.usable_until, found.lack) == (None, lack)


def test_every_source_has_a_name_and_is_used() -> None:
    used = {source for item in ITEMS for allowed in item.sources.values() for source in allowed}

    assert used == set(SOURCES)
    assert all(item.rules.keys() == item.sources.keys() for item in ITEMS)


# ── warnings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_warning_is_due_once_and_the_end_last() -> None:
    end, told, now, given = datetime(2027, 12, 4, tzinfo=UTC), None, AT, []
    while (now := next_look(end, told, now)) < end:
        told = due_warning(end, told, now)
        given.append((told, (end - now).days))

    assert given == [(30, 30), (14, 14), (7, 7), (1, 1)]
    assert now == end


def test_of_missed_warnings_the_nearest_is_given_alone() -> None:
    end = datetime(2027, 12, 4, tzinfo=UTC)
    late = end - timedelta(days=5)

    assert due_warning(end, None, late) == 7
    assert due_warning(end, 7, late) is None
    assert next_look(end, 7, late) == end - timedelta(days=1)


# ── the subject ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_br_7_1_2_7_4_an_ov_subject_comes_from_the_record() -> None:
    assert subject_of("ov", RECORD) == Subject("Acme Example Inc.", "US", "Utah", "Lehi")


def test_evg_9_2_an_ev_subject_has_category_jurisdiction_and_number() -> None:
    subject = subject_of("ev", replace(RECORD, assumed_name="Acme"))

    assert subject.business_category == "Private Organization"
    assert (subject.jurisdiction_country, subject.jurisdiction_region) == ("US", "Delaware")
    assert subject.registration_number == "5157550"
    assert subject.organization == "Acme (Acme Example Inc.)"  # EVG 9.2.1
    assert subject.jurisdiction_city == ""
