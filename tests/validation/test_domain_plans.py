"""Whatever the list of domains is asked for, PostgreSQL looks at little more than it shows, and counts right."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import and_, event, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from services.validation.actions import checks
from services.validation.models import Domain
from services.validation.queries.access import scope
from services.validation.queries.filters import FILTERS, conditions, found_by
from services.validation.queries.listed import domains, every_domain
from services.validation.queries.wave import deaths, every_dying
from services.validation.rules.methods import METHODS
from services.validation.rules.reuse import usable_until
from services.validation.rules.standing import STATUSES
from shared.access import Caller
from shared.listing import Listing
from tests.conftest import World
from tests.validation.makers import a_policy

POLICY = a_policy()
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ANN = Caller("key", "user", 9001, "Acme", 7, "Ann", "ann@acme.example", "administrator")
LEA = Caller("key", "user", 9001, "Acme", 8, "Lea", "lea@acme.example", "standard_user", 0, (15,))
OPS = Caller("ops", "user", 0, "", 9, "Olga", "olga@ca.example", "operator")
DNS = "3.2.2.4.7"
# 40,000 domains of two accounts; of each ten: six proven this year, two proven too long ago, one new, one pending. Of
# the proven ones every tenth is being validated anew.
FILL = [
    "INSERT INTO account VALUES (9001, 'Acme', true), (9002, 'Globex', true)",
    "INSERT INTO division VALUES (14, 9001, 'Main', true), (15, 9001, 'Labs', true), (99, 9002, 'Main', true)",
    f"""INSERT INTO validation (account_id, adn, method, evidence_id, observed_at, test_mode, exact)
        SELECT 9001 + n % 2, 'd' || n || '.example.com', '{DNS}', gen_random_uuid(),
               CASE WHEN n / 2 % 10 < 6 THEN timestamptz '2026-06-01' + n * interval '6 minutes'
                    ELSE timestamptz '2025-06-01' + n * interval '6 minutes' END, false, false
        FROM generate_series(1, 40000) AS n WHERE n / 2 % 10 < 8""",
    f"""INSERT INTO domain (account_id, name, needs, created_at, division_id, organization_id, method, pending_id,
                            deactivated_at, current_adn, current_method)
        SELECT 9001 + n % 2, 'd' || n || '.example.com', 0, timestamptz '2026-01-01' + n * interval '1 minute',
               CASE WHEN n % 2 = 1 THEN 99 WHEN n % 100 = 0 THEN 15 ELSE 14 END, CASE WHEN n % 50 = 0 THEN n END,
               CASE WHEN n % 400 = 0 THEN 'email' ELSE 'dns-txt-token' END,
               CASE WHEN n / 2 % 10 = 9 OR n / 2 % 100 = 3 THEN gen_random_uuid() END,
               CASE WHEN n % 500 = 0 THEN now() END,
               CASE WHEN n / 2 % 10 < 8 THEN 'd' || n || '.example.com' END, CASE WHEN n / 2 % 10 < 8 THEN '{DNS}' END
        FROM generate_series(1, 40000) AS n""",
    "ANALYZE",
]
ASKED: list[Mapping[str, tuple[str, ...]]] = [
    {},
    {"account_id": ("9001",)},
    {"container_id": ("15",)},
    {"container_id": ("14", "15")},
    {"organization_id": ("500",)},
    *[{"status": (status,)} for status in STATUSES],
    {"status": ("expired", "new")},
    {"status": ("active",), "container_id": ("15",)},
    {"revalidation_pending": ("true",)},
    {"is_active": ("false",)},
    {"is_active": ("true",)},
    {"dcv_method": ("email",)},
    {"dcv_method": ("dns-txt-token",)},
    {"name": ("d778.example.com",)},
    {"name": ("d778%",)},
    {"search": ("d778",)},
    {"search": ("%778.example.com",)},
    {"search": ("78.example.com", "d9")},
]


@pytest.fixture
async def many(world: World) -> World:
    async with world.validation.db.transaction() as tx:
        for sql in FILL:
            await (await tx.connection()).exec_driver_sql(sql)
    return world


async def test_each_list_is_found_by_an_index_and_counted_as_if_row_by_row(many: World) -> None:
    assert {name for filters in ASKED for name in filters} == set(FILTERS)
    for caller in (ANN, LEA, OPS):
        for filters in ASKED:
            listing = Listing(20, filters=filters)
            (total, rows), plans = await explained(many, listing_of(caller, listing))
            assert total == await counted(many, caller, listing), filters
            assert len(rows) == min(total, 20), filters
            if caller is not OPS or filters.keys() & {"search", "name", "is_active", "organization_id"}:
                strict = plans[:-1] if total > MANY else plans
                scanned = [n for plan in strict for n in nodes(plan) if scans(n, filters)]
                assert not scanned, (caller.name, filters, scanned)


# To count as many of 40,000, which comes last, PostgreSQL may well read them all: its guess at the costs decides.
MANY = 4_000


def scans(node: Any, filters: Mapping[str, Any]) -> bool:
    """Half of all rows are the account's, so counting those that are proven may well read all validations."""
    table = node.get("Relation Name")
    counts_many = {"status", "revalidation_pending"} & filters.keys() or filters.get("is_active") == ("true",)
    return node["Node Type"] == "Seq Scan" and table == "domain" and not counts_many


async def test_a_page_of_any_status_is_found_without_reading_the_table(many: World) -> None:
    for status in STATUSES:
        listing = Listing(20, filters={"status": (status,)})
        _, plans = await explained(many, listing_of(ANN, listing, 1_000))
        assert not [n for n in nodes(plans[0]) if n["Node Type"] == "Seq Scan" and n["Relation Name"] == "domain"], (
            status
        )


async def test_what_is_shown_is_what_was_asked_for(many: World) -> None:
    for status in STATUSES:
        async with many.validation.db.transaction() as tx:
            _, rows = await domains(tx, ANN, POLICY, Listing(50, filters={"status": (status,)}), NOW)
        assert rows
        assert {row.status for row in rows} == {status}


async def test_the_whole_list_is_walked_once_in_pages_that_cost_the_same(many: World) -> None:
    seen: list[int] = []
    async for page in every_domain(many.validation.db, ANN, POLICY, Listing(), NOW):
        assert len(page) <= 1_000
        seen += [row.domain.id for row in page]

    assert len(seen) == len(set(seen)) == 20_000


async def test_the_wave_counts_each_validation_on_the_day_that_the_rules_say(many: World) -> None:
    async with many.validation.db.transaction() as tx:
        found = await deaths(tx, ANN, POLICY, NOW)
    by_hand: dict[tuple[date, int], int] = {}
    async for page in every_dying(many.validation.db, ANN, POLICY, NOW):
        for one in page:
            until = usable_until(one.proof.observed_at, METHODS[DNS], POLICY.lead)
            assert until == one.proof.usable_until
            assert until
            key = until.date(), one.domain.division_id or 0
            by_hand[key] = by_hand.get(key, 0) + 1

    assert {(row.day, row.division_id or 0): row.count for row in found} == by_hand
    assert sum(by_hand.values()) > 10_000
    assert max(by_hand, key=by_hand.__getitem__)[0] == date(2027, 3, 13)


async def test_rows_of_the_wave_are_read_page_by_page_from_their_index(many: World) -> None:
    async def first(tx: AsyncSession) -> None:
        from services.validation.queries.wave import _page  # noqa: PLC0415

        since = NOW - timedelta(days=199)
        await _page(tx, ANN, POLICY, DNS, since, None, (NOW - timedelta(days=100), 5))

    _, [plan] = await explained(many, first)
    assert "ix_validation_observed_at" in json.dumps(plan)
    assert not [n for n in nodes(plan) if n["Node Type"] == "Seq Scan"]


async def test_what_is_due_among_100_000_pending_is_claimed_by_its_index_lc5(world: World) -> None:
    sql = """INSERT INTO attempt (id, account_id, name, reversed_name, domain_id, requested, method, token_id, token,
                                  token_sha256, token_created_at, expires_at, polls_from, due_at, checks, opened_at)
             SELECT gen_random_uuid(), 9001, 'd' || n || '.example.com', 'com.example.d' || n || '.', n, '[]',
                    'dns-txt-token', gen_random_uuid(), 't', 's', now(), now() + interval '30 days', now(),
                    now() + (n - 300) * interval '0.036 seconds', 20, now() FROM generate_series(1, 100000) AS n"""
    async with world.validation.db.transaction() as tx:
        await (await tx.connection()).exec_driver_sql(sql)
        await (await tx.connection()).exec_driver_sql("ANALYZE attempt")

    claims, plans = await explained(world, lambda tx: checks.claim_due(tx, datetime.now(UTC), 50), "UPDATE")

    assert len(claims) == 50
    used = [node for node in nodes(plans[0]) if node.get("Index Name") == "ix_attempt_due_at"]
    assert used
    assert not [node for node in nodes(plans[0]) if node["Node Type"] == "Seq Scan"]


def listing_of(caller: Caller, listing: Listing, most: int | None = None) -> "Work":
    return lambda tx: domains(tx, caller, POLICY, listing, NOW, None, most)


Work = Callable[[AsyncSession], Awaitable[Any]]


async def explained(world: World, work: Work, starts: str = "SELECT") -> tuple[Any, list[Any]]:
    bind = world.validation.db.bind
    assert isinstance(bind, AsyncConnection)
    heard: list[tuple[str, Any]] = []

    def listen(_: Any, __: Any, statement: str, given: Any, *___: Any) -> None:
        heard.append((statement, given))

    event.listen(bind.sync_connection, "before_cursor_execute", listen)
    async with world.validation.db.transaction() as tx:
        await tx.execute(text("SET LOCAL random_page_cost = 1.1"))
        found = await work(tx)
        event.remove(bind.sync_connection, "before_cursor_execute", listen)
        plans = [
            (await (await tx.connection()).exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", given)).scalar_one()
            for sql, given in heard
            if sql.lstrip().startswith(starts)
        ]
    return found, [plan[0]["Plan"] for plan in plans]


def nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


async def counted(world: World, caller: Caller, listing: Listing) -> int:
    where = and_(scope(caller), *conditions(listing, POLICY, NOW), or_(*found_by(listing, caller)))
    async with world.validation.db.transaction() as tx:
        return await tx.scalar(select(func.count()).select_from(Domain).where(where)) or 0
