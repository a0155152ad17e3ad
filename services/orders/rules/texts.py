import unicodedata

_BREAKING = ("Cc", "Zl", "Zp", "Cs")
# Embeddings, overrides and isolates (Unicode UAX 9): they turn the text that stands around them.
_FORCING = frozenset(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))


def without_nul(text: str) -> str:
    """PostgreSQL keeps every character but this one."""
    if "\0" in text:
        raise ValueError("a NUL character cannot be kept; leave it out")
    return text


def is_one_line(text: str) -> bool:
    """Nothing in it breaks the line or turns what stands around it."""
    return not any(unicodedata.category(char) in _BREAKING or char in _FORCING for char in text)
