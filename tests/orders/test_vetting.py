"""The CA's staff validate an organization; what is told of it, and when."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.exc import DBAPIError

from services.orders import actions
from services.orders.actions import CheckWish
from services.orders.models import Organization
from services.orders.rules.checklist import Level
from shared.db import locked
from shared.errors import Denied, DomainError, Rejected
from tests.orders.conftest import Company
from tests.orders.organizations import RECORD, added, second_operator, shown, staff, validate

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
UNTIL = datetime(2027, 12, 25, tzinfo=UTC)  # 398 days, less one
GOOD = CheckWish("legal_existence", "government", "Register of Utah, entry 5157550, file 12", NOW.date())


class Case:
    """An organization whose validation was asked for, and two of the staff."""

    def __init__(self, company: Company, number: int, cara: int, olga: int) -> None:
        self.company, self.number, self.cara, self.olga = company, number, cara, olga
        self.db = company.world.orders.db

    async def ask(self, level: Level, now: datetime = NOW) -> None:
        async with self.db.transaction() as tx:
            actions.ask_validation(tx, await locked(tx, Organization, self.number), level, "Ann Lee", now)

    async def validate(self, level: Level = "ov", now: datetime = NOW) -> None:
        await validate(self.db, self.number, level, (self.cara, self.olga), now)

    async def check(self, wish: CheckWish, person: int, now: datetime = NOW) -> bool:
        async with self.db.transaction() as tx:
            row = await locked(tx, Organization, self.number)
            return actions.record_check(tx, row, wish, staff(person, "Cara Novak"), now)

    async def enter(self, **changes: str) -> None:
        async with self.db.transaction() as tx:
            row = await locked(tx, Organization, self.number)
            actions.enter_record(tx, row, replace(RECORD, **changes), staff(self.cara, "Cara Novak"), NOW)

    async def is_validated(self, level: Level, now: datetime) -> bool:
        async with self.db.transaction() as tx:
            return (await locked(tx, Organization, self.number)).is_validated(level, now)

    async def pass_days(self, end: datetime) -> None:
        """The worker, once a day."""
        now = NOW
        while now <= end:
            async with self.db.transaction() as tx:
                await actions.tell_organizations(tx, now)
            now += timedelta(days=1)

    async def told(self, *types: str) -> Sequence[Any]:
        return await self.company.world.said("orders", *(f"organization_{each}" for each in types))

    async def queued(self) -> int:
        rows = await self.company.world.rows(
            "orders", "SELECT 1 FROM organization_validation WHERE open_since IS NOT NULL"
        )
        return len(rows)


@pytest_asyncio.fixture
async def case(acme: Company) -> Case:
    return Case(acme, await added(acme), acme.users["operator"], await second_operator(acme))


async def test_the_last_check_validates_it_and_that_is_told_once(case: Case) -> None:
    await case.ask("ov")
    assert await case.queued() == 1

    await case.validate("ov")

    [fact] = await case.told("validated")
    assert (fact["organization"]["id"], fact["level"]) == (case.number, "ov")
    assert datetime.fromisoformat(fact["validated_until"]) == UNTIL
    assert await case.queued() == 0
    assert await case.is_validated("ov", UNTIL - timedelta(seconds=1))
    assert not await case.is_validated("ov", UNTIL)
    assert not await case.is_validated("ev", NOW)


async def test_evg_11_13_the_same_person_is_refused_and_a_second_one_completes_it(case: Case) -> None:
    await case.ask("ev")
    await validate(case.db, case.number, "ov", (case.cara, case.olga), NOW)
    last = CheckWish("due_diligence", "review", "All of it fits", NOW.date())

    with pytest.raises(Denied) as refused:
        await case.check(last, case.cara)
    assert (refused.value.code, await case.told("validated")) == ("access_denied|second_person", [])
    assert "a second person reviews them" in refused.value.message

    await case.validate("ev", NOW + timedelta(hours=1))
    [fact] = await case.told("validated")
    assert fact["level"] == "ev"


async def test_30_14_7_and_1_days_before_its_end_and_at_it_each_is_told_once(case: Case) -> None:
    await case.ask("ov")
    await case.validate("ov")

    await case.pass_days(UNTIL + timedelta(days=3))

    assert [fact["days"] for fact in await case.told("expiring")] == [30, 14, 7, 1]
    [ended] = await case.told("expired")
    assert datetime.fromisoformat(ended["validated_until"]) == UNTIL
    assert await case.queued() == 1  # since the first warning


async def test_a_renewal_before_the_end_is_told_when_all_of_it_was_found_out_anew(case: Case) -> None:
    await case.ask("ov")
    await case.validate("ov")
    await case.pass_days(UNTIL - timedelta(days=20))
    later = UNTIL - timedelta(days=20)

    await case.check(replace(GOOD, checked_on=later.date()), case.cara, later)
    assert len(await case.told("validated")) == 1

    await case.validate("ov", later)
    [_, renewed] = await case.told("validated")
    assert datetime.fromisoformat(renewed["validated_until"]) == UNTIL - timedelta(days=20) + timedelta(days=397)
    await case.pass_days(UNTIL + timedelta(days=1))
    assert ([fact["days"] for fact in await case.told("expiring")], await case.told("expired")) == ([30], [])


async def test_a_check_that_fails_ends_it_at_once_and_puts_it_into_the_queue(case: Case) -> None:
    await case.ask("ov")
    await case.validate("ov")

    await case.check(replace(GOOD, passed=False, evidence="Struck off the register"), case.cara, NOW)

    assert not await case.is_validated("ov", NOW)
    assert await case.queued() == 1


async def test_a_corrected_record_needs_its_checks_anew_and_keeps_the_former(case: Case) -> None:
    await case.ask("ov")
    await case.validate("ov")

    await case.enter(city="Provo")

    assert not await case.is_validated("ov", NOW)
    assert len(await case.company.world.rows("orders", "SELECT 1 FROM organization_check")) == 4
    await case.enter(city="Provo")
    assert len(await case.company.world.rows("orders", "SELECT 1 FROM organization_record")) == 2


async def test_what_the_customer_changes_needs_validation_anew(case: Case) -> None:
    await case.ask("ov")
    await case.validate("ov")

    async with case.db.transaction() as tx:
        row = await locked(tx, Organization, case.number)
        await actions.change_organization(tx, row, replace(row.details, name="Acme Other Inc."), "Ann Lee", NOW)

    assert not await case.is_validated("ov", NOW)
    assert await case.queued() == 1
    [asked] = (await shown(case.company, case.number))["validations"]
    assert asked["status"] == "pending"
    await case.pass_days(UNTIL + timedelta(days=1))
    assert await case.told("expiring", "expired") == []


async def test_while_it_is_inactive_nothing_is_told_and_afterwards_what_is_due(case: Case) -> None:
    await case.ask("ov")
    await case.validate("ov")
    async with case.db.transaction() as tx:
        actions.deactivate_organization(tx, await locked(tx, Organization, case.number), "Ann Lee", NOW)
    await case.pass_days(UNTIL + timedelta(days=1))
    assert (await case.told("expiring", "expired"), await case.is_validated("ov", NOW)) == ([], False)

    async with case.db.transaction() as tx:
        late = UNTIL + timedelta(days=2)
        actions.activate_organization(tx, await locked(tx, Organization, case.number), "Ann Lee", late)
        await actions.tell_organizations(tx, late)
    assert len(await case.told("expired")) == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kind": "colour"}, 'There is no check "colour"'),
        ({"source": "bank"}, "choose where it was found"),
        ({"evidence": "  "}, "say in 1 to 4000 characters what was found"),
        ({"evidence": "x" * 4001}, "say in 1 to 4000 characters"),
        ({"checked_on": NOW.date() + timedelta(days=1)}, "is still to come"),
        ({"checked_on": NOW.date() - timedelta(days=398)}, "398 days ago or more; find it out anew"),
    ],
)
async def test_a_check_that_cannot_be_is_refused(case: Case, changes: dict[str, Any], sentence: str) -> None:
    await case.enter()

    with pytest.raises(Rejected) as refused:
        await case.check(replace(GOOD, **changes), case.cara)
    assert sentence in refused.value.message


async def test_a_check_without_a_record_is_refused(case: Case) -> None:
    with pytest.raises(DomainError, match="Enter the verified record first"):
        await case.check(GOOD, case.cara)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"legal_name": " "}, "no legal name"),
        ({"legal_name": "A" * 65}, "legal name has at most 64 characters"),
        ({"legal_name": "A" * 40, "assumed_name": "B" * 30}, "together at most 64 characters"),
        ({"country": "UK"}, '"UK" is no country'),
        ({"jurisdiction_country": "XX"}, '"XX" is no country'),
        ({"country": ""}, "is no country"),
        ({"business_category": "Shop"}, "The business category is one of"),
        ({"city": "", "state": ""}, "neither city nor state"),
        ({"address": "1 Main\nStreet"}, "address is one line"),
    ],
)
async def test_a_record_that_cannot_be_is_refused(case: Case, changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(Rejected) as refused:
        await case.enter(**changes)
    assert sentence in refused.value.message


@pytest.mark.parametrize("table", ["organization_check", "organization_record", "organization_entry"])
async def test_what_was_recorded_cannot_be_changed(case: Case, table: str) -> None:
    await case.validate("ov")

    with pytest.raises(DBAPIError, match="append-only"):
        await case.company.world.rows("orders", f"DELETE FROM {table}")
