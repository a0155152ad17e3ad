import json
import re
import struct
import threading
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import typst

from services.billing.clients.paper import Paper, view
from services.billing.clients.statement import StatementPaper, view_statement

TEMPLATES = Path(__file__).parents[1] / "templates"
FONTS = TEMPLATES / "fonts"
# Would reorder or hide what stands around them, figures too.
UNSEEN = frozenset(map(chr, [0x00AD, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF]))
LONGEST_WORD = 36
BREAK_AFTER = re.compile(r"(\W|\w{12})(?=.)")

_kept = threading.local()


def render(paper: Paper | StatementPaper) -> bytes:
    """PDF/A-3b. The same paper gives the same bytes; no clock, no network, no font of the machine."""
    shown = _legible(view_statement(paper) if paper["kind"] == "statement" else view(paper))
    try:
        return _compile(paper, shown)
    except typst.TypstError:  # a mark on a letter of another font has no glyph, though each alone has one
        return _compile(paper, _each(shown, _without_marks))


def _compile(paper: Paper | StatementPaper, shown: Any) -> bytes:
    return _compiler().compile(  # type: ignore[return-value]  # bytes where no output file is named
        str(TEMPLATES / f"{paper['kind']}.typ"),
        format="pdf",
        sys_inputs={"paper": json.dumps(shown, ensure_ascii=False)},
        pdf_standards=["a-3b"],
    )


def _compiler() -> typst.Compiler:
    """One per thread: a compiler in use by two threads raises "Already borrowed"."""
    if not hasattr(_kept, "compiler"):
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])
        _kept.compiler = typst.Compiler(root=TEMPLATES, font_paths=fonts)
    compiler: typst.Compiler = _kept.compiler
    return compiler


def _each(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each(item, change) for item in value]
    if isinstance(value, dict):
        return {name: _each(item, change) for name, item in value.items()}
    return value


def _legible(value: Any) -> Any:
    return _each(value, lambda text: " ".join(_breakable(word) for word in _shown(text).split(" ")))


def _without_marks(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFC", text) if unicodedata.category(char)[0] != "M")


def _shown(text: str) -> str:
    """PDF/A refuses a character without a glyph, and one of them must not keep an invoice from being written."""
    seen = (" " if char.isspace() else char for char in text if char not in UNSEEN)
    return "".join(char if _drawable()[ord(char)] else "\ufffd" for char in seen)


def _breakable(word: str) -> str:
    """A name without a space may be 253 characters long; a zero-width space lets a line end inside it."""
    return BREAK_AFTER.sub("\\g<0>\u200b", word) if len(word) > LONGEST_WORD else word


@cache
def _drawable() -> bytearray:
    """A byte for each code point, 1 where a font has a glyph: a set of all those strings takes ten times that."""
    drawable = bytearray(0x110000)
    for font in sorted(FONTS.glob("*.ttf")):
        for code in _code_points(font.read_bytes()):
            drawable[code] = 1
    return drawable


def _code_points(font: bytes) -> Iterator[int]:
    """OpenType `cmap`, subtable format 12: groups of (first, last, glyph)."""
    table = _table(font, b"cmap")
    for at in range(struct.unpack_from(">H", font, table + 2)[0]):
        (offset,) = struct.unpack_from(">I", font, table + 8 + 8 * at)
        (kind,) = struct.unpack_from(">H", font, table + offset)
        if kind == 12:
            (groups,) = struct.unpack_from(">I", font, table + offset + 12)
            for group in range(groups):
                first, last, _ = struct.unpack_from(">III", font, table + offset + 16 + 12 * group)
                yield from range(first, last + 1)


def _table(font: bytes, name: bytes) -> int:
    (count,) = struct.unpack_from(">H", font, 4)
    records = (struct.unpack_from(">4sIII", font, 12 + 16 * at) for at in range(count))
    return next(int(offset) for tag, _, offset, _ in records if tag == name)
