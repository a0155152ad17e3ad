"""Authorization Domain Names by the algorithm of BR 3.2.2.4 (mandatory since 2026-11-15): method first, then name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.validation.rules.methods import Method
from services.validation.rules.names import Name, Suffixes


@dataclass(frozen=True, slots=True)
class Adn:
    """A domain whose control proves control of the requested name, and the steps that led there (AD1)."""

    domain: str
    steps: tuple[str, ...] = ()


def authorization_domains(name: Name, method: Method, suffixes: Suffixes, chain: Sequence[str] = ()) -> list[Adn]:
    """Every ADN the algorithm may lead to, the nearest first.

    `chain` are the successive CNAME targets of the name itself. It is empty while the CNAME step is off (AD6); it is
    followed before any pruning and never after (AD4), and never for a wildcard."""
    if name.wildcard and not method.wildcard:
        return []
    start = Adn(name.fqdn, ("strip *.",) if name.wildcard else ())
    found = [start, *_prunings(start, method, suffixes)]
    if name.wildcard or not method.follows_cname:
        return found
    for target in chain:
        start = Adn(target, (*start.steps, f"CNAME {target}"))
        found += [start, *_prunings(start, method, suffixes)]
    return found


def leads_to(name: Name, method: Method, suffixes: Suffixes, adn: str) -> bool:
    """Evidence for `adn` serves `name` only if the algorithm with *its* method leads there (AD2)."""
    return any(found.domain == adn for found in authorization_domains(name, method, suffixes))


def _prunings(start: Adn, method: Method, suffixes: Suffixes) -> Iterator[Adn]:
    """Leftmost labels dropped one after the other, never above the base domain (AD3)."""
    base = suffixes.base_domain(start.domain)
    adn = start
    while method.prunes and base and adn.domain != base:
        parent = adn.domain.partition(".")[2]
        adn = Adn(parent, (*adn.steps, f"prune to {parent}"))
        yield adn
