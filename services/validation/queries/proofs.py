"""Which validations a name may rest on, read for many names at once."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.models import Domain, Validation
from services.validation.rules.adn import authorization_domains
from services.validation.rules.methods import PROVING
from services.validation.rules.names import Name
from services.validation.rules.policy import Policy
from services.validation.rules.proofs import Proof, longest
from shared.db import known, read_all

ValidationKey = tuple[int, str, str]


def validation_keys(policy: Policy, account_id: int, name: Name) -> list[ValidationKey]:
    """Where proof of a name may lie: every ADN that an offered method leads to."""
    found = [
        (account_id, adn.domain, method.section)
        for method in PROVING.values()
        for adn in authorization_domains(name, method, policy.suffixes)
    ]
    return list(dict.fromkeys(found))


async def proofs(
    tx: AsyncSession, policy: Policy, domains: Collection[Domain], now: datetime
) -> Mapping[tuple[int, str], Proof | None]:
    """What serves each of them at this moment; one query, and no locks, for it is only shown."""
    places = {domain.key: validation_keys(policy, domain.account_id, Name(domain.name)) for domain in domains}
    current = {domain.current_key for domain in domains if domain.current_key}
    await read_all(tx, Validation, {key for keys in places.values() for key in keys} | current)
    found = {}
    for owner, keys in places.items():
        rows = [row for key in keys if (row := await known(tx, Validation, key)) and row.serves(Name(owner[1]))]
        found[owner] = longest(rows, policy, now)
    return found
