from collections.abc import Iterable, Sequence

from shared.errors import Rejected


def columns_of(cells: Sequence[str], columns: Iterable[str], needed: Iterable[str]) -> list[str]:
    """The names of a table's columns, without regard to case and spaces. Raises Rejected."""
    names, known = ["_".join(cell.lower().split()) for cell in cells], ", ".join(columns)
    while names and not names[-1]:
        names.pop()
    if unknown := [name for name in names if name not in known.split(", ")]:
        raise Rejected(f'There is no column "{unknown[0][:40]}"; the columns are {known}.')
    if missing := [name for name in needed if name not in names]:
        raise Rejected(f"The header lacks {', '.join(missing)}; the first row names the columns: {known}.")
    if len(set(names)) < len(names):
        raise Rejected("A column is in the header twice; leave one of the two out.")
    return names
