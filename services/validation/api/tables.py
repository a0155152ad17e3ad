"""Lists as CSV, of any length in the same little memory."""

import csv
import io
from collections.abc import AsyncIterator, Sequence

from fastapi import Request
from starlette.responses import StreamingResponse

from services.validation.api.shapes import moment
from services.validation.queries.standings import Standing

Row = Sequence[object]
Rows = AsyncIterator[Sequence[Row]]
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # a spreadsheet would calculate with it
DOMAINS = ("Id", "Name", "Status", "Active", "Container id", "Container", "Organization id", "Method",
           "Validated until", "Revalidation pending", "Last submitted", "Created")  # fmt: skip


def wants_csv(request: Request) -> bool:
    wanted = request.query_params.get("format", "")
    return wanted == "csv" or (not wanted and request.headers.get("accept", "").startswith("text/csv"))


def as_csv(rows: Rows, name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(_lines(rows), media_type="text/csv; charset=utf-8", headers=headers)


async def _lines(pages: Rows) -> AsyncIterator[bytes]:
    async for page in pages:
        text = io.StringIO()
        csv.writer(text).writerows([_cell(value) for value in row] for row in page)
        yield text.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


async def domain_rows(pages: AsyncIterator[list[Standing]]) -> Rows:
    yield [DOMAINS]
    async for page in pages:
        yield [_domain(one) for one in page]


def _domain(one: Standing) -> Row:
    domain, proof = one.domain, one.known_proof
    return (
        domain.id, domain.name, one.status, "yes" if domain.is_active else "no", domain.division_id, one.division_name,
        domain.organization_id, domain.method, moment(proof.usable_until) if proof else None,
        "yes" if one.revalidation_pending else "no", moment(domain.submitted_at), moment(domain.created_at),
    )  # fmt: skip
