from collections.abc import Collection, Iterator, Mapping


def within(assigned: Collection[int], parents: Mapping[int, int | None]) -> list[int]:
    """Those assigned, and all that are below them. The top-level division stands for itself alone: whoever is to see
    all of the account is assigned none."""
    below = [division for division in sorted(parents) if set(assigned) & set(_above(division, parents))]
    return [*sorted(set(assigned)), *(division for division in below if division not in assigned)]


def _above(division: int, parents: Mapping[int, int | None]) -> Iterator[int]:
    """Without the top-level one."""
    parent = parents[division]
    while parent is not None and parents[parent] is not None:
        yield parent
        parent = parents[parent]
