"""Quorum, regions and dates of BR 3.2.2.9, and where perspectives may stand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.validation.rules.perspectives import Perspective, distance, faults
from services.validation.rules.quorum import Quorum, Standing, minimum, why_too_few

DAY = timedelta(days=1)
FOUR = {"a": "ARIN", "b": "ARIN", "c": "RIPE NCC", "d": "APNIC"}
ONE_REGION = {**FOUR, "c": "ARIN"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("regions", "agreeing", "others", "standing", "said"),
    [
        (FOUR, "abcd", "", Standing.AGREED, "4/4"),  # example 52
        (FOUR, "acd", "b", Standing.AGREED, "3/4"),  # example 53
        (FOUR, "ac", "bd", Standing.REFUSED, "2/4"),  # example 53
        (ONE_REGION, "abc", "d", Standing.REFUSED, "3/4"),  # example 54: all in one region
        (FOUR, "acd", "", Standing.AGREED, "3/4"),  # decided before the last one answers (MP6)
        (FOUR, "", "ab", Standing.REFUSED, "0/4"),  # the others cannot save it
        (FOUR, "ab", "", Standing.OPEN, "2/4"),
        ({**FOUR, "e": "LACNIC"}, "abcd", "e", Standing.AGREED, "4/5"),
        ({**FOUR, "e": "LACNIC"}, "abc", "de", Standing.REFUSED, "3/5"),
        ({**FOUR, "e": "LACNIC", "f": "APNIC"}, "abcd", "ef", Standing.AGREED, "4/6"),  # a sixth tolerates a second
        ({**FOUR, "e": "LACNIC", "f": "APNIC"}, "abc", "def", Standing.REFUSED, "3/6"),
    ],
)
def test_the_quorum_is_what_the_requirements_say(
    regions: dict[str, str], agreeing: str, others: str, standing: Standing, said: str
) -> None:
    quorum = Quorum(regions, list(agreeing), list(others))

    assert (quorum.standing, str(quorum)) == (standing, said)


@pytest.mark.parametrize(
    ("when", "needed"),
    [
        ("2026-03-13T23:59:59", 2),
        ("2026-03-14", 3),
        ("2026-11-22", 4),
        ("2026-12-13T23:59:59", 4),
        ("2026-12-14", 5),  # a day before the date: lead (MP4, SV2)
        ("2027-03-15", 5),
        ("2029-03-15", 5),
    ],
)
def test_the_least_number_of_perspectives_follows_the_date(when: str, needed: int) -> None:
    assert minimum(at(when), DAY) == needed


def test_four_perspectives_are_enough_until_the_day_before_the_fifth_is_needed() -> None:
    assert why_too_few(FOUR, at("2026-12-13"), DAY) is None
    assert "4 remote perspectives are configured and 5 are needed" in str(why_too_few(FOUR, at("2026-12-14"), DAY))
    assert "All remote perspectives are in the region ARIN" in str(
        why_too_few(dict.fromkeys("abcde", "ARIN"), at("2026-12-14"), DAY)
    )


def a_perspective(name: str, latitude: float, longitude: float, **more: Any) -> Perspective:
    return Perspective(name=name, region="RIPE NCC", latitude=latitude, longitude=longitude, **more)


FRANKFURT, PARIS, VIENNA = (50.11, 8.68), (48.86, 2.35), (48.21, 16.37)


def test_perspectives_that_stand_too_near_or_share_a_name_are_refused() -> None:
    primary, paris = a_perspective("fra", *FRANKFURT), a_perspective("par", *PARIS)
    again = a_perspective("fra", *VIENNA)

    assert list(faults(primary, [paris])) == ["fra and par are 478 km apart, and have to be 500 (BR 3.2.2.9)"]
    assert list(faults(primary, [again])) == ["two perspectives are called fra"]
    assert list(faults(primary, [a_perspective("vie", *VIENNA)])) == []


def test_resolvers_have_to_be_apart_as_well() -> None:
    primary = a_perspective("fra", *FRANKFURT)
    shared = a_perspective("vie", *VIENNA, resolver_latitude=FRANKFURT[0], resolver_longitude=FRANKFURT[1])

    assert list(faults(primary, [shared])) == ["fra and vie are 0 km apart, and have to be 500 (BR 3.2.2.9)"]


def test_the_distance_is_a_straight_line() -> None:
    assert distance((90, 0), (-90, 0)) == pytest.approx(2 * 6371)
    assert distance((0, 0), (0, 90)) == pytest.approx(6371 * 2**0.5)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"region": "EMEA"}, "no region of"),
        ({"resolver_region": "ARIN"}, "the region of its perspective"),
        ({"url": "http://far.example"}, "https:// only"),
        ({"latitude": 91}, "less than or equal to 90"),
        ({"name": "Frankfurt am Main"}, "should match pattern"),
    ],
)
def test_a_perspective_that_cannot_be_is_refused_with_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    given = {"name": "fra", "region": "RIPE NCC", "latitude": 50.1, "longitude": 8.7, **changes}

    with pytest.raises(ValidationError, match=sentence):
        Perspective.model_validate(given)
