"""What an order wants proven: one domain for `*.x` and `x`, and a sentence for every name that cannot be certified."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.validation.rules.names import BadName, Name, intake
from services.validation.rules.policy import Policy


@dataclass(frozen=True, slots=True)
class Wanted:
    """`domains`: the certified forms by FQDN. `refused`: sentences by the name as given, fit to be stored."""

    domains: dict[str, list[Name]]
    refused: dict[str, str]

    @property
    def rows(self) -> list[str]:
        return [*self.domains, *self.refused]


def wanted(names: Sequence[str], policy: Policy) -> Wanted:
    domains: dict[str, list[Name]] = {}
    refused: dict[str, str] = {}
    for given in names:
        try:
            name = intake(given, policy.suffixes, policy.blocked)
        except BadName as reason:
            refused[storable(given)] = reason.message
        else:
            domains.setdefault(name.fqdn, []).append(name)
    return Wanted(domains, refused)


def storable(given: str) -> str:
    """Never the same as a usable name, and without what PostgreSQL refuses."""
    return given if given.isprintable() else given.encode("unicode_escape").decode()[:255]
