"""Text of others in a sentence of ours: it keeps its own direction, and reorders nothing around it (Unicode UAX 9).
Whoever puts a sentence together isolates them; pages and paper show the sentence as it is."""

import unicodedata

ISOLATE, END = "\u2068", "\u2069"
FORCING = frozenset(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))  # embeddings, overrides, isolates


def isolated(text: str) -> str:
    """Where a sentence goes on before or after it."""
    if text.isascii():
        return text
    plain = unforced(text)
    return f"{ISOLATE}{plain}{END}" if any(map(is_right_to_left, plain)) else plain


def unforced(text: str) -> str:
    """Isolates stay only if each is ended: half a pair would take in what follows."""
    forcing = FORCING - {ISOLATE, END} if _are_paired(text) else FORCING
    return "".join(char for char in text if char not in forcing)


def _are_paired(text: str) -> bool:
    depth = 0
    for char in text:
        depth += (char == ISOLATE) - (char == END)
        if depth < 0:
            return False
    return depth == 0


def is_right_to_left(char: str) -> bool:
    """Arabic digits too: they move other figures."""
    return unicodedata.bidirectional(char) in ("R", "AL", "AN")
