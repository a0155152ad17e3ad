"""Jinja2 for the pages: one set-up, autoescape on, the filters that templates may use."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from shared.figures import amount, day, moment, money

TEMPLATES = Path(__file__).parent.parent / "templates"


class Look:
    """The templates of one service over the shared ones."""

    def __init__(
        self, service: str, folder: Path | None, csrf: Callable[[Request], str], test_mode: bool = False
    ) -> None:
        self.service, self.csrf, self.test_mode = service, csrf, test_mode
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
            "test_mode": self.test_mode,
            "now": datetime.now(UTC),
            "static": lambda name: f"/{self.service}/static/{name}",
        }
        return self.environment.get_template(template).render(common | context)


def page(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    look: Look = request.app.state.look
    return HTMLResponse(look.render(request, template, context), status)


def error_page(request: Request, status: int, message: str) -> HTMLResponse:
    return page(request, "error.html", status, message=message, error_status=status)
