"""Orders so many that PostgreSQL chooses as it does in a large installation, each a copy of one that was issued."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.models import Certificate, CertificateOrder, CustomValue, OrderRequest, RequestName

FIRST, FIRST_REQUEST = 200_000, 1_000_000  # below are those that were really placed
# Two accounts in a year; of each sixteen one is pending, one canceled, the rest issued.
ORDER = {
    "id": f"{FIRST} + n",
    "request_id": f"{FIRST_REQUEST} + n",
    "certificate_id": f"{FIRST_REQUEST} + n",
    "common_name": "'www.n' || n || '.example'",
    "account_id": "CASE n % 2 WHEN 0 THEN {account} ELSE {other} END",
    "division_id": "CASE n % 2 WHEN 0 THEN {division} ELSE {elsewhere} END",
    "user_id": "CASE n % 100 WHEN 0 THEN o.user_id END",
    "invoice_number": "'T-' || lpad(n::text, 7, '0')",
    "placed_at": "timestamptz '2026-01-01 00:00+00' + n * interval '20 minutes'",
    "certificate_valid_till": "date '2026-07-01' + n % 365",
    "issued_at": "CASE WHEN n % 16 > 1 THEN now() END",
    "cancelled_at": "CASE n % 16 WHEN 1 THEN now() END",
    "renewal_of_id": f"CASE n % 160 WHEN 4 THEN {FIRST} + n - 2 END",
    "disable_renewal_notifications": "n % 50 = 4",
    "ready_at": "CASE WHEN n % 16 > 1 THEN now() END",
    "closed_at": "CASE WHEN n % 16 > 0 THEN now() END",
}
REQUEST = {"id": "n.request_id", "order_id": "n.id", "common_name": "n.common_name"}
NAME = {"request_id": "n.request_id", "order_id": "n.id", "account_id": "n.account_id", "name": "n.common_name",
        "domain": "n.common_name"}  # fmt: skip
CERTIFICATE = {"id": "n.certificate_id", "request_id": "n.request_id", "order_id": "n.id",
               "common_name": "n.common_name", "serial_number": "upper(lpad(to_hex(n.id), 32, 'A'))",
               "thumbprint": "upper(lpad(to_hex(n.id), 40, 'B'))"}  # fmt: skip
VALUE = {"order_id": "n.id"}
# For no trigger ran.
RECOUNT = (
    "DELETE FROM order_count",
    "INSERT INTO order_count (division_id, state, n)"
    " SELECT division_id, state, count(*) FROM certificate_order GROUP BY division_id, state",
)


def statements(n: int, account: int, division: int, other: int, elsewhere: int) -> Iterable[str]:
    given = {"account": account, "division": division, "other": other, "elsewhere": elsewhere}
    changed = {name: text.format(**given) for name, text in ORDER.items()}
    made = f"certificate_order AS n WHERE n.id > {FIRST}"
    return (
        _copies(CertificateOrder, changed, f"id < {FIRST}", f"generate_series(1, {n}) AS n"),
        _copies(OrderRequest, REQUEST, f"id < {FIRST_REQUEST}", made),
        _copies(RequestName, NAME, f"request_id < {FIRST_REQUEST}", made),
        _copies(Certificate, CERTIFICATE, f"id < {FIRST_REQUEST}", made),
        _copies(CustomValue, VALUE, f"order_id < {FIRST}", f"{made} AND n.id % 100 = 0"),
    )


def _copies(model: Any, changed: Mapping[str, str], which: str, per: str) -> str:
    """Of one row; columns that the database derives are left to it."""
    mapper = inspect(model)
    columns = [column.name for column in mapper.local_table.columns if column.computed is None]
    values = ", ".join(changed.get(name, f"o.{name}") for name in columns)
    table = mapper.local_table.name
    one = f"(SELECT * FROM {table} WHERE {which} ORDER BY 1 LIMIT 1) AS o"
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {one}, {per}"


async def fill(connection: AsyncConnection, given: Iterable[str]) -> None:
    """Without foreign keys, which are checked row by row."""
    await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
    await connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    for sql in (*given, *RECOUNT, "ANALYZE"):
        await connection.exec_driver_sql(sql)
    await connection.exec_driver_sql("SET LOCAL session_replication_role = origin")
