from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from services.billing.models import Division
from services.billing.pages.statement_parts import invoices_shown, linked, request_shown
from services.billing.queries import balance, finance
from services.billing.queries import statement as statements
from services.billing.queries.history import Entry
from services.billing.queries.statement import PDF_LONGEST, XLSX_LONGEST, Statement
from services.billing.rules import Chart, Period, draw, is_number, month_before, month_of, period_of
from shared.access import Caller
from shared.errors import Denied, DomainError, Rejected
from shared.web import PageUser, Tx, now, page

router = APIRouter(prefix="/finance", include_in_schema=False)
HERE = "/finance/statement"
DOWNLOAD = "/services/v2/finance/statement"
PAGE = 50
CHOICES = 200  # divisions in a list; whoever has more says the number
# What the places of each list are called in an address, and where the list stands on the page.
LISTS = {"after": "funds", "invoices_after": "invoices", "requests_after": "requests"}


@router.get("/statement")
async def statement_page(request: Request, tx: Tx, caller: PageUser) -> Response:
    finance.may_read_finance(caller)
    asked = {name: request.query_params.get(name, "").strip() for name in ("container_id", "from", "to")}
    asked["own"] = "1" if request.query_params.get("own") in ("1", "true", "True") else ""
    shown = {"asked": asked, "divisions": await _choices(tx, caller), "statement": None, "error": "", "shortcuts": []}
    try:
        skips = {name: _whole(name, request.query_params.get(name, "").strip()) for name in LISTS}
        return page(request, "statement.html", **shown | await _found(tx, caller, asked, skips))
    except DomainError as refused:
        if isinstance(refused, Denied):
            raise
        return page(request, "statement.html", refused.status, **shown | {"error": refused.message})


async def _choices(tx: AsyncSession, caller: Caller) -> list[Division]:
    """None for whoever has to say a number: staff, and accounts with very many."""
    if caller.is_operator:
        return []
    found = await balance.divisions_shown(tx, caller, CHOICES + 1)
    return found if len(found) <= CHOICES else []


async def _found(tx: AsyncSession, caller: Caller, asked: dict[str, str], skips: dict[str, int]) -> dict[str, Any]:
    today = now().date()
    period = period_of(asked["from"], asked["to"] or _end_of_month(asked, today), today)
    if caller.is_operator and not asked["container_id"]:
        return {"asked": _filled(asked, period), "shortcuts": []}
    division_id = await _division_id(tx, caller, asked["container_id"])
    of = await statements.statement(tx, caller, division_id, period, now(), bool(asked["own"]))
    filled = _filled(asked, period) | {"container_id": str(of.division.id)}
    skip, dues_skip, requests_skip = skips.values()
    rows = await statements.rows_of(tx, caller, of, skip, PAGE)
    dues = await statements.dues_of(tx, caller, of, dues_skip, PAGE)
    requests = await statements.requests_of(tx, caller, of, requests_skip, PAGE)
    counts = {"after": of.count, "invoices_after": of.invoices.count, "requests_after": of.asked_count}
    return {
        "asked": filled,
        "shortcuts": _shortcuts(of, asked, today),
        "statement": await _shown(tx, of, now()) | {"other_funds": await _other_funds(tx, of, filled)},
        "rows": [_row(row) for row in rows],
        "brought": _brought(of, rows) if skip else None,
        "invoices": invoices_shown(of, await statements.owing(tx, of), dues, dues_skip),
        "requests": [request_shown(one) for one in requests],
        "requests_count": of.asked_count,
        "pages": {LISTS[name]: _around(filled, name, skips[name], count) for name, count in counts.items()},
        "downloads": _downloads(of, filled),
    }


def _end_of_month(asked: dict[str, str], today: date) -> str:
    """A person who opens the page sees the whole month, with the days that are still to come."""
    return "" if asked["from"] else month_of(today).last.isoformat()


def _filled(asked: dict[str, str], period: Period) -> dict[str, str]:
    return asked | {"from": period.first.isoformat(), "to": period.last.isoformat()}


async def _division_id(tx: AsyncSession, caller: Caller, asked: str) -> int | None:
    if asked:
        return _whole("The division's number", asked)
    found = await balance.divisions_shown(tx, caller, 1)
    return found[0].id if found else None


def _whole(name: str, text: str) -> int:
    if not text:
        return 0
    if not is_number(text):
        raise Rejected(f"{name} is a whole number, not {text[:40]!r}.")
    return int(text)


def _same(of: Statement, asked: dict[str, str]) -> dict[str, str]:
    return {"container_id": str(of.division.id), "own": asked["own"]}


async def _other_funds(tx: AsyncSession, of: Statement, asked: dict[str, str]) -> dict[str, str] | None:
    """From the funds that a division shares to those that it had of its own, and back."""
    if asked["own"]:
        return {"text": "Funds of today", "href": _link(asked | {"own": ""})}
    if of.is_shared and await balance.former_funds(tx, of.division):
        return {"text": "Former funds of this division", "href": _link(asked | {"own": "1"})}
    return None


def _shortcuts(of: Statement, asked: dict[str, str], today: date) -> list[dict[str, Any]]:
    year = Period(today.replace(month=1, day=1), today.replace(month=12, day=31))
    periods = {"This month": month_of(today), "Last month": month_before(today), "This year": year}
    return [
        {"text": text, "href": _link(_filled(_same(of, asked), p)), "here": p == of.period}
        for text, p in periods.items()
    ]


def _link(asked: dict[str, str], **more: Any) -> str:
    return f"{HERE}?{_query({**asked, **more})}"


def _query(asked: dict[str, Any]) -> str:
    return urlencode({name: value for name, value in asked.items() if name != "own" or value})


def _around(asked: dict[str, str], name: str, skip: int, count: int) -> dict[str, str | None]:
    here = f"#{LISTS[name]}"
    return {
        "next": _link(asked, **{name: skip + PAGE}) + here if skip + PAGE < count else None,
        "first": _link(asked) + here if skip else None,
    }


async def _shown(tx: AsyncSession, of: Statement, at: datetime) -> dict[str, Any]:
    course = await statements.course(tx, of)
    funds = of.funds
    is_near = not of.is_over and not funds.unlimited and funds.negative_limit > 0 and (course.lowest or 0) < 0
    until = min(at, of.period.end)
    chart: Chart = draw(of.opening, course.points, of.period, until, -funds.negative_limit if is_near else None)
    return {
        "division": of.division.name,
        "funds_name": of.funds_name if of.is_shared else None,
        "period": of.period,
        "currency": funds.currency,
        "opening": of.opening,
        "closing": of.closing,
        "debit": course.debit,
        "credit": course.credit,
        "lowest": of.opening if course.lowest is None else min(course.lowest, of.opening),
        "count": of.count,
        "is_over": of.is_over,
        "chart": chart,
    }


def _brought(of: Statement, rows: list[Entry]) -> int:
    return rows[0].balance_after - rows[0].amount if rows else of.closing


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "at": entry.at,
        "text": entry.text,
        "type": f"{entry.type}, imported" if entry.is_imported else entry.type,
        "amount": abs(entry.amount),
        "is_debit": entry.is_debit,
        "balance": entry.balance_after,
        "paper": linked(entry.paper),
    }


def _downloads(of: Statement, asked: dict[str, str]) -> list[dict[str, str]]:
    """An address, or why there is none."""
    longest = {"csv": of.length, "xlsx": XLSX_LONGEST, "pdf": PDF_LONGEST}
    return [
        {"text": form.upper(), "href": f"{DOWNLOAD}?{_query({**asked, 'format': form})}",
         "why": f"up to {most:,} rows" if of.length > most else ""}
        for form, most in longest.items()
    ]  # fmt: skip
