"""The Public Suffix List as shipped with its package: a new list comes with a new pinned version (NM11)."""

import re
from functools import cache
from importlib.resources import files

from publicsuffixlist import PublicSuffixList

LIST = "public_suffix_list.dat"


class PublicSuffixes:
    """The ICANN section. `extra` are suffixes of no registry that test mode takes for public."""

    def __init__(self, text: str, extra: tuple[str, ...] = ()) -> None:
        found = re.search(r"// VERSION: (\S+)", text)
        self.version = "+".join(["psl " + (found.group(1) if found else "unknown"), *extra])
        self._list = PublicSuffixList(text.splitlines(), only_icann=True, accept_unknown=False)
        self._extra = frozenset(extra)

    def base_domain(self, name: str) -> str | None:
        labels = name.split(".")
        if labels[-1] in self._extra:
            return ".".join(labels[-2:]) if len(labels) > 1 else None
        base: str | None = self._list.privatesuffix(name)
        return base


@cache
def shipped_suffixes(extra: tuple[str, ...] = ()) -> PublicSuffixes:
    return PublicSuffixes(files("publicsuffixlist").joinpath(LIST).read_text("utf-8"), extra)
