"""Whatever the list of orders is asked for, PostgreSQL looks at little more than it shows, and counts right."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import and_, event, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.large_orders import fill, statements
from services.orders import actions, queries
from services.orders.models import CertificateOrder
from services.orders.models.orders import STATES
from services.orders.queries.order_filters import FILTERS, conditions, found_by, visible
from shared.access import Caller
from shared.listing import Listing
from tests.billing.test_statement_plans import nodes
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.test_api_orders import issued
from tests.orders.test_custom_values import a_field

MANY = 20_000
ASKED: list[Mapping[str, tuple[str, ...]]] = [
    {},
    {"account_id": ("{account}",)},
    {"container_id": ("{division}",)},
    *[{"status": (state,)} for state in STATES],
    {"status": ("pending", "canceled"), "container_id": ("{division}",)},
    {"id": ("207770",)},
    {"certificate_id": ("1007770",)},
    {"user_id": ("{user}",)},
    {"organization_id": ("112233",)},
    {"common_name": ("www.n7770.example",)},
    {"common_name": ("www.n777%",)},
    {"domain_name": ("www.n7770.example",)},
    {"domain_name": ("www.n777%",)},
    {"domain_name": ("%n7770.example",)},
    {"product_name_id": ("ssl_dv_rapidssl",)},
    {"serial_number": ("AAAAAAAAAAAAAAAAAAAAAAAAAAA32B9A",)},
    {"search": ("www.n777",)},
    {"search": ("n7770",)},
    {"search": ("n7770.example",)},
    {"search": ("207770",)},
    {"search": ("t-000777",)},
    {"search": ("%7770.example",)},
    {"search": ("it's 100% \\ _",)},
    {"date_created": ("2026-03-01...2026-03-02",)},
    {"valid_till": ("2026-08-01",)},
    {"email": ("Administrator@acme.example",)},
    {"metadata_id": ("{field}",)},
    {"origin": ("certcentral",), "status": ("issued",)},
    {"origin": ("migrated",)},
    {"is_renewed": ("true",)},
    {"is_renewed": ("false",)},
    {"disable_renewal_notifications": ("1",)},
    {"disable_renewal_notifications": ("0",)},
]
# What the staff ask of all accounts at once that most orders are, or any may be: to count it is to read them.
READ_THROUGH: list[Mapping[str, tuple[str, ...]]] = [
    {"product_name_id": ("ssl_dv_rapidssl",)},
    {"is_renewed": ("false",)},
    {"disable_renewal_notifications": ("0",)},
]


@pytest.fixture
async def many(world: World, acme: Company, globex: Company) -> Company:
    field = await a_field(acme, "Cost centre")
    await issued(world, acme, custom_fields=[{"metadata_id": field, "value": "4711"}])
    given = statements(MANY, acme.id, acme.divisions["Main"], globex.id, globex.divisions["Main"])
    async with world.orders.db.transaction() as tx:
        await tx.execute(text("SET LOCAL random_page_cost = 1.1"))  # as on a solid-state disk
        await fill(await tx.connection(), given)
    return acme


async def test_each_list_is_found_by_an_index_and_counted_as_if_row_by_row(many: Company) -> None:
    assert {name for filters in ASKED for name in filters} == set(FILTERS)
    [(field,)] = await many.world.rows("orders", "SELECT id FROM custom_field")
    for caller in (_caller(many), _caller(many, account_id=0, role="operator")):
        for filters in ASKED:
            listing = Listing(20, filters=_filled(many, field, filters))
            total, rows, plans = await _asked(many.world, caller, listing)
            assert total == await _counted(many.world, caller, listing), filters
            assert len(rows) == min(total, 20), filters
            if not (caller.is_operator and filters in READ_THROUGH):
                scanned = [node for plan in plans for node in nodes(plan) if _scans(node)]
                assert not scanned, (caller.role, filters, scanned)


@pytest.mark.parametrize("column", ["id", "date_created", "common_name", "product_name_id", "valid_till"])
@pytest.mark.parametrize("down", [True, False])
async def test_an_account_sorts_its_orders_by_an_index(many: Company, column: str, down: bool) -> None:
    _, rows, plans = await _asked(many.world, _caller(many), Listing(20, sort=((column, down),)))

    assert len(rows) == 20
    assert not [node for plan in plans for node in nodes(plan) if _scans(node)]


async def test_each_order_is_on_one_page(many: Company) -> None:
    for filters in ({"search": ("www.n77",)}, {"status": ("pending",)}, {"date_created": ("2026-02-01",)}):
        seen: list[int] = []
        async with many.world.orders.db.transaction() as tx:
            _, total = await queries.listed(tx, _caller(many), Listing(1, filters=filters))
            for offset in range(0, total, 70):
                found, _ = await queries.listed(tx, _caller(many), Listing(70, offset, filters))
                seen += [row.order.id for row in found]
        assert len(seen) == len(set(seen)) == total > 30


async def test_changes_of_state_move_the_counts_and_folding_them_changes_nothing(acme: Company) -> None:
    first, second = [(await acme.place())["id"] for _ in range(2)]
    async with acme.client() as client:
        await client.put(f"/services/v2/order/certificate/{first}/status", json={"status": "canceled", "note": "Twice"})
        for _ in range(2):
            totals = {}
            for state in ("pending", "canceled", "issued"):
                answer = await client.get("/services/v2/order/certificate", params={"filters[status]": state})
                totals[state] = answer.json()["page"]["total"]
            assert totals == {"pending": 1, "canceled": 1, "issued": 0}
            async with acme.world.orders.db.transaction() as tx:
                await actions.fold_counts(tx)
    assert len(await acme.world.rows("orders", "SELECT * FROM order_count")) == 2
    assert second


def _filled(company: Company, field: int, filters: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    known = {
        "field": field,
        "account": company.id,
        "division": company.divisions["Main"],
        "user": company.users["administrator"],
    }
    return {name: tuple(value.format(**known) for value in values) for name, values in filters.items()}


def _caller(company: Company, account_id: int | None = None, role: str = "administrator") -> Caller:
    account = company.id if account_id is None else account_id
    return Caller("key", "user", account, "Acme", 7, "Ann", "ann@acme.example", role)


def _scans(node: Any) -> bool:
    big = ("certificate_order", "request_name", "certificate", "order_request")
    return node["Node Type"] == "Seq Scan" and node["Relation Name"] in big


async def _asked(world: World, caller: Caller, listing: Listing) -> tuple[int, Any, list[Any]]:
    bind = world.orders.db.bind
    assert isinstance(bind, AsyncConnection)
    heard: list[tuple[str, Any]] = []

    def listen(_: Any, __: Any, statement: str, given: Any, *___: Any) -> None:
        heard.append((statement, given))

    event.listen(bind.sync_connection, "before_cursor_execute", listen)
    async with world.orders.db.transaction() as tx:
        await tx.execute(text("SET LOCAL random_page_cost = 1.1"))
        rows, total = await queries.listed(tx, caller, listing)
        event.remove(bind.sync_connection, "before_cursor_execute", listen)
        plans = [
            (await (await tx.connection()).exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", given)).scalar_one()
            for sql, given in heard
            if sql.lstrip().startswith("SELECT")
        ]
    return total, rows, [found[0]["Plan"] for found in plans]


async def _counted(world: World, caller: Caller, listing: Listing) -> int:
    where = and_(visible(caller), *conditions(caller, listing), or_(*found_by(caller, listing)))
    async with world.orders.db.transaction() as tx:
        return await tx.scalar(select(func.count()).select_from(CertificateOrder).where(where)) or 0
