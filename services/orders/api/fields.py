"""The kinds of values that clients send."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from services.orders.rules.texts import without_nul
from shared.errors import NotFound
from shared.web import Body


def _no_number(value: Any) -> Any:
    return None if value in (0, "0") else value


def _no_id(value: Any) -> Any:
    return None if value in (0, "0", -1, "-1") else value


Text = Annotated[str, AfterValidator(without_nul)]
# Numbers come as such or as digits; zero stands for "none", and -1 for "other" where an id is meant.
Id = Annotated[int | None, Field(ge=1, lt=2**31), BeforeValidator(_no_id)]
Count = Annotated[int | None, Field(ge=1, lt=2**31), BeforeValidator(_no_number)]


class Reference(Body):
    id: Id = None


def number(text: str, code: str, what: str) -> int:
    """An id of a path; what is no number names nothing."""
    if text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) < 2**31:
        return int(text)
    raise NotFound(f"There is no {what} {text[:40]}.", code)
