import base64
import json
import threading
import unicodedata
from collections.abc import Callable
from typing import Any, cast

import typst

from services.billing.clients.joining import join
from services.billing.clients.legible import FONTS, NONE, legible
from services.billing.clients.paper import Paper, view
from services.billing.clients.payments import PaymentsPaper, view_payments
from services.billing.clients.statement import StatementPaper, view_statement

TEMPLATES = FONTS.parent
AnyPaper = Paper | StatementPaper | PaymentsPaper

_kept = threading.local()


def render(paper: AnyPaper) -> bytes:
    """PDF/A-3b. The same paper gives the same bytes; no clock, no network, no font of the machine. A sheet of payments
    is behind the stored pages that it is about."""
    printed = _printed(paper["kind"], _each(_view(paper), legible))
    return join(base64.b64decode(paper["document"]), printed) if paper["kind"] == "payments" else printed


def _view(paper: AnyPaper) -> dict[str, Any]:
    if paper["kind"] == "statement":
        return view_statement(paper)
    return view_payments(paper) if paper["kind"] == "payments" else view(paper)


def _printed(kind: str, shown: Any) -> bytes:
    try:
        return _compile(kind, shown)
    except typst.TypstError:  # a mark on a letter that its font cannot bring together with it
        return _compile(kind, _each(shown, _without_marks))


def _compile(kind: str, shown: Any) -> bytes:
    return _compiler().compile(  # type: ignore[return-value]  # bytes where no output file is named
        str(TEMPLATES / f"{kind}.typ"),
        format="pdf",
        sys_inputs={"paper": json.dumps(shown, ensure_ascii=False)},
        pdf_standards=["a-3b"],
    )


def _compiler() -> typst.Compiler:
    """One per thread: a compiler in use by two threads raises "Already borrowed"."""
    if not hasattr(_kept, "compiler"):
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])
        _kept.compiler = typst.Compiler(root=TEMPLATES, font_paths=fonts)
    return cast(typst.Compiler, _kept.compiler)


def _each(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each(item, change) for item in value]
    if isinstance(value, dict):
        return {name: _each(item, change) for name, item in value.items()}
    return value


def _without_marks(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    return "".join(NONE if unicodedata.category(char)[0] == "M" else char for char in composed)
