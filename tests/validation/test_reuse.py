from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.validation.rules.methods import METHODS, Method
from services.validation.rules.reuse import INSTANT, LIMITS, is_legal, is_usable, usable_since, usable_until


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


LEAD = timedelta(days=1)
NONE = timedelta(0)
SECTIONS = st.sampled_from([METHODS[s] for s in METHODS if METHODS[s].void_from is None or s == "3.2.2.4.4"])
TIMES = st.integers(0, 7 * 366 * 86_400).map(lambda seconds: at("2024-01-01") + timedelta(seconds=seconds))


def method(number: str) -> Method:
    return METHODS[f"3.2.2.4{number}"]


@pytest.mark.parametrize(
    ("observed", "number", "kind", "legal_end", "our_end"),
    [
        ("2026-04-01", ".7", "after", "2026-10-18", "2026-10-17"),
        ("2026-08-27", ".7", "at", "2027-03-15", "2027-03-14"),
        ("2026-11-22", ".7", "at", "2027-03-15", "2027-03-14"),
        ("2026-12-06", ".7", "after", "2027-03-16", "2027-03-15"),
        ("2027-03-14", ".7", "after", "2027-06-22", "2027-06-21"),
        ("2028-12-06", ".7", "at", "2029-03-15", "2029-03-14"),
        ("2029-03-04", ".7", "at", "2029-03-15", "2029-03-14"),
        ("2029-03-14", ".7", "after", "2029-03-24", "2029-03-23"),
        ("2026-11-22", ".22", "after", "2026-12-02", "2026-12-01"),
        ("2028-03-01", ".4", "at", "2028-03-15", "2028-03-14"),
    ],
)
def test_the_table_of_section_15(observed: str, number: str, kind: str, legal_end: str, our_end: str) -> None:
    seen, how = at(observed), method(number)
    last_legal = at(legal_end) - (INSTANT if kind == "at" else NONE)
    last_usable = at(our_end) - (INSTANT if kind == "at" else NONE)

    assert usable_until(seen, how, NONE) == last_legal
    assert usable_until(seen, how, LEAD) == last_usable
    assert is_legal(seen, how, last_legal)
    assert not is_legal(seen, how, last_legal + INSTANT)
    assert is_usable(seen, how, last_usable, LEAD)
    assert not is_usable(seen, how, last_usable + INSTANT, LEAD)


def test_evidence_of_today_lasts_113_days_not_200() -> None:
    until = usable_until(at("2026-11-22"), method(".7"), NONE)

    assert until is not None
    assert (until + INSTANT) - at("2026-11-22") == timedelta(days=113)


@pytest.mark.parametrize(
    ("number", "sunset"),
    [(".2", "2025-07-15"), (".15", "2025-07-15"), (".8", "2026-03-15"), (".16", "2027-03-15"), (".17", "2027-03-15"),
     (".4", "2028-03-15"), (".13", "2028-03-15"), (".14", "2028-03-15")],
)  # fmt: skip
def test_a_sunset_voids_what_was_proven_before(number: str, sunset: str) -> None:
    seen = at(sunset) - timedelta(days=5)

    assert is_legal(seen, method(number), at(sunset) - INSTANT)
    assert not is_legal(seen, method(number), at(sunset))
    assert usable_until(at(sunset), method(number), NONE) is None


def test_before_march_2026_the_limit_was_398_days() -> None:
    assert usable_until(at("2024-01-01"), method(".7"), NONE) == at("2024-01-01") + timedelta(days=398)


def test_evidence_of_the_future_proves_nothing() -> None:
    assert not is_usable(at("2026-11-22") + INSTANT, method(".7"), at("2026-11-22"), LEAD)


@given(TIMES, SECTIONS, st.timedeltas(NONE, timedelta(days=3)))
def test_usable_until_is_the_last_usable_instant(seen: datetime, how: Method, lead: timedelta) -> None:
    until = usable_until(seen, how, lead)

    if until is None:
        assert not is_usable(seen, how, seen, lead)
        return
    assert is_usable(seen, how, seen, lead)
    assert is_usable(seen, how, until, lead)
    assert not is_usable(seen, how, until + INSTANT, lead)


@given(TIMES, SECTIONS, TIMES, TIMES)
def test_what_was_unusable_never_becomes_usable_again(seen: datetime, how: Method, t1: datetime, t2: datetime) -> None:
    early, late = sorted((t1, t2))

    if seen <= early and not is_usable(seen, how, early, LEAD):
        assert not is_usable(seen, how, late, LEAD)


@given(TIMES, SECTIONS, TIMES)
def test_a_lead_is_never_kinder_than_the_law(seen: datetime, how: Method, moment: datetime) -> None:
    if is_usable(seen, how, moment, LEAD):
        assert is_legal(seen, how, moment)
        assert is_legal(seen, how, moment + LEAD)


def test_limits_only_shrink_which_the_search_for_the_end_relies_on() -> None:
    assert [limit.reuse for limit in LIMITS] == sorted((limit.reuse for limit in LIMITS), reverse=True)
    assert [limit.since for limit in LIMITS] == sorted(limit.since for limit in LIMITS)


@given(TIMES, TIMES, SECTIONS)
def test_an_index_is_asked_the_same_question_as_one_row_sv1(observed: datetime, moment: datetime, one: Method) -> None:
    since = usable_since(one, moment, LEAD)
    if observed <= moment:
        assert is_usable(observed, one, moment, LEAD) is (since is not None and observed >= since)


@given(TIMES, st.timedeltas(NONE, timedelta(days=400)), SECTIONS)
def test_what_is_too_old_today_is_too_old_tomorrow(moment: datetime, later: timedelta, one: Method) -> None:
    first, second = usable_since(one, moment, LEAD), usable_since(one, moment + later, LEAD)
    assert second is None or (first is not None and second >= first)
