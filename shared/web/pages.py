"""Jinja2 for the pages: one set-up, autoescape on, the filters that templates may use."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from iso4217 import Currency
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

TEMPLATES = Path(__file__).parent.parent / "templates"


class Look:
    """The templates of one service over the shared ones."""

    def __init__(self, service: str, folder: Path | None, csrf: Callable[[Request], str]) -> None:
        self.service, self.csrf = service, csrf
        folders: Sequence[Path] = [folder, TEMPLATES] if folder else [TEMPLATES]
        self.environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(path) for path in folders]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters.update(amount=amount, money=money, day=day, moment=moment)

    def render(self, request: Request, template: str, context: dict[str, Any]) -> str:
        common = {
            "request": request,
            "caller": getattr(request.state, "caller", None),
            "csrf": self.csrf(request),
            "path": request.scope["path"],
            "service": self.service,
            "now": datetime.now(UTC),
            "static": lambda name: f"/{self.service}/static/{name}",
        }
        return self.environment.get_template(template).render(common | context)


def page(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    look: Look = request.app.state.look
    return HTMLResponse(look.render(request, template, context), status)


def error_page(request: Request, status: int, message: str) -> HTMLResponse:
    return page(request, "error.html", status, message=message, error_status=status)


def exponent(currency: str) -> int:
    """Decimals of the currency by ISO 4217; display libraries have some of them wrong."""
    return Currency(currency).exponent or 0


def amount(minor: int, currency: str) -> str:
    """`1,234.50` with a true minus sign."""
    places = exponent(currency)
    whole, rest = divmod(abs(minor), 10**places)
    text = f"{whole:,}.{rest:0{places}d}" if places else f"{whole:,}"
    return f"−{text}" if minor < 0 else text


def money(minor: int, currency: str) -> str:
    return f"{amount(minor, currency)} {currency}"


def day(value: date | datetime | None) -> str:
    return value.strftime("%Y-%m-%d") if value else ""


def moment(value: datetime | None) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if value else ""
