"""The revalidation wave: what dies when."""

from collections.abc import Sequence
from datetime import date, timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlalchemy import and_, true
from starlette.responses import Response

from services.validation.models import Domain
from services.validation.queries.access import require_domains
from services.validation.queries.wave import Deaths, deaths
from services.validation.rules.wave import weekly
from shared.web import PageUser, Tx, now, page

router = APIRouter(prefix="/domains", include_in_schema=False)
ROWS = 200


@router.get("/expiring")
async def expiring(
    request: Request, tx: Tx, caller: PageUser, container_id: int | None = None, account_id: int | None = None,
    since: date | None = None,
) -> Response:  # fmt: skip
    require_domains(caller)
    only = and_(
        Domain.division_id == container_id if container_id else true(),
        Domain.account_id == account_id if account_id else true(),
    )
    found = await deaths(tx, caller, request.app.state.policy, now(), only)
    rows, following = _page([one for one in found if since is None or one.day >= since])
    kept = {name: value for name, value in (("container_id", container_id), ("account_id", account_id)) if value}
    today = now().date()
    here, asked = request.scope["path"], urlencode({**kept, "format": "csv"})
    return page(
        request, "expiring.html", rows=rows, bars=weekly([(one.day, one.count) for one in found], today),
        total=sum(one.count for one in found), soon=_within(found, today, 30),
        unattended=_within(found, today, 30, True), peak=_peak(found),
        next=f"{here}?{urlencode({**kept, 'since': following})}" if following else "",
        first=f"{here}?{urlencode(kept)}" if since else "", csv=f"/services/v2/domain/expiring?{asked}", today=today,
    )  # fmt: skip


def _page(rows: Sequence[Deaths]) -> tuple[Sequence[Deaths], date | None]:
    """Whole days, and the day that the next page begins with."""
    if len(rows) <= ROWS:
        return rows, None
    following = rows[ROWS].day
    if following == rows[0].day:
        following = next((row.day for row in rows if row.day > following), None) or date.max
    return [row for row in rows if row.day < following], None if following == date.max else following


def _within(rows: Sequence[Deaths], today: date, days: int, unattended: bool = False) -> int:
    until = today + timedelta(days=days)
    return sum(row.count - (row.pending if unattended else 0) for row in rows if row.day < until)


def _peak(rows: Sequence[Deaths]) -> tuple[date, int] | None:
    by_day: dict[date, int] = {}
    for row in rows:
        by_day[row.day] = by_day.get(row.day, 0) + row.count
    return max(by_day.items(), key=lambda one: one[1], default=None)
