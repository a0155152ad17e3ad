"""Any text that people give, so that it can be set: nothing hidden, nothing that reorders what stands around it, and a
visible sign for what no font here has. PDF/A refuses a character without a glyph, and one of them must not keep an
invoice from being written."""

import struct
import unicodedata
from array import array
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from services.billing.rules import END, ISOLATE, is_right_to_left, unforced

FONTS = Path(__file__).parents[1] / "templates" / "fonts"
# Would reorder or hide what stands around them, figures too. The joiners stay: scripts and emoji are written with them.
UNSEEN = frozenset(
    map(chr, [0x00AD, 0x061C, 0x180E, 0x200B, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x2060, 0x2066),
              *range(0x206A, 0x2070), 0xFEFF])
)  # fmt: skip
NON_JOINER, JOINER = "\u200c", "\u200d"
SELECTORS = frozenset(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))  # no glyph of their own
GLYPHLESS = SELECTORS | {JOINER, NON_JOINER, ISOLATE, END}
SKIN = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
NONE, CIRCLE = "\ufffd", "\u25cc"
MAY_BREAK = "\u200b"
LONGEST_WORD, PART = 36, 12
NO_TEXT = ("Cc", "Co")  # fonts draw some of them, each as it likes
KNOWN = 0x30000  # beyond it are tags and private use


def legible(text: str) -> str:
    words = (" " if char.isspace() else char for char in unforced(text) if char not in UNSEEN)
    shown = " ".join(_breakable([_set(cluster) for cluster in clusters(word)]) for word in "".join(words).split(" "))
    return f"{ISOLATE}{shown}{END}" if any(map(is_right_to_left, shown)) else shown


def clusters(text: str) -> Iterator[str]:
    """Letters with what belongs to them: one font sets them, and no line ends between."""
    cluster = ""
    for char in text:
        if cluster and not (_belongs(char) or cluster[-1] == JOINER):
            yield cluster
            cluster = ""
        cluster += char
    if cluster:
        yield cluster


def _belongs(char: str) -> bool:
    return char in (JOINER, NON_JOINER) or char in SKIN or unicodedata.category(char)[0] == "M"


def _breakable(word: list[str]) -> str:
    """A name without a space may be 253 characters long; a zero-width space lets a line end inside it."""
    if len(word) <= LONGEST_WORD:
        return "".join(word)
    run, parts = 0, []
    for cluster in word:
        run = run + 1 if cluster[0].isalnum() else PART
        parts.append(cluster + MAY_BREAK if run >= PART else cluster)
        run %= PART
    return "".join(parts).removesuffix(MAY_BREAK)


@lru_cache(1 << 14)
def _set(cluster: str) -> str:
    """The cluster, or what is nearest to it: composed, then its letters without a style, then signs for the missing."""
    if _one_font(cluster):
        return cluster
    composed = unicodedata.normalize("NFC", cluster)
    return composed if _one_font(composed) else "".join(map(_alone, composed.replace(JOINER, "")))


def _alone(char: str) -> str:
    if unicodedata.category(char)[0] == "M" and char not in SELECTORS:
        return CIRCLE + char if _one_font(CIRCLE + char) else NONE
    plain = unicodedata.normalize("NFKC", char)
    return next((form for form in (char, plain) if all(map(_one_font, form))), NONE)


def _one_font(cluster: str) -> bool:
    """Whether a font has all of it."""
    fonts = ~0
    for char in cluster:
        if char not in GLYPHLESS:
            fonts &= _drawn_by()[ord(char)] if ord(char) < KNOWN else 0
    return bool(fonts)


@cache
def _drawn_by() -> "array[int]":
    """A bit for each font at each code point: sets of all those numbers would take a hundred times that."""
    drawn = array("I", bytes(4 * KNOWN))
    for at, font in enumerate(sorted(FONTS.glob("*.ttf"))):
        for code in code_points(font.read_bytes()):
            if unicodedata.category(chr(code)) not in NO_TEXT:
                drawn[code] |= 1 << at
    return drawn


def code_points(font: bytes) -> Iterator[int]:
    """OpenType `cmap`, subtable format 12: groups of (first, last, glyph)."""
    table = _table(font, b"cmap")
    for at in range(struct.unpack_from(">H", font, table + 2)[0]):
        (offset,) = struct.unpack_from(">I", font, table + 8 + 8 * at)
        (kind,) = struct.unpack_from(">H", font, table + offset)
        if kind == 12:
            (groups,) = struct.unpack_from(">I", font, table + offset + 12)
            for group in range(groups):
                first, last, _ = struct.unpack_from(">III", font, table + offset + 16 + 12 * group)
                yield from range(first, min(last + 1, KNOWN))


def _table(font: bytes, name: bytes) -> int:
    (count,) = struct.unpack_from(">H", font, 4)
    records = (struct.unpack_from(">4sIII", font, 12 + 16 * at) for at in range(count))
    return next(int(offset) for tag, _, offset, _ in records if tag == name)
