"""What remote perspectives told, and whether they corroborate the primary (MP2, MP5–MP7)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.validation.rules.judging import judge_remote
from services.validation.rules.looking import Job, Observation
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.quorum import Quorum, Standing
from services.validation.rules.tokens import Token

Agrees = Callable[[Observation], bool]


@dataclass(frozen=True, slots=True)
class Report:
    """Of one perspective about one job: what it saw, or why it does not count. `alarm`: it is not what it says."""

    perspective: str
    region: str
    observation: Observation | None = None
    fault: str | None = None
    alarm: bool = False
    milliseconds: int = 0


def quorum_of(reports: Sequence[Report], agrees: Agrees) -> Quorum:
    """Error, time-out and label of another are non-corroborations (MP6, MP7)."""
    regions = {one.perspective: one.region for one in reports}
    return quorum_so_far(regions, reports, agrees)


def quorum_so_far(regions: Mapping[str, str], reports: Iterable[Report], agrees: Agrees) -> Quorum:
    told = {one.perspective: _corroborates(one, agrees) for one in reports}
    agreeing = [name for name, does in told.items() if does]
    return Quorum(regions, agreeing, [name for name in told if name not in agreeing])


def _corroborates(one: Report, agrees: Agrees) -> bool:
    return one.fault is None and one.observation is not None and agrees(one.observation)


def same_proof(primary: Verdict, remote: Verdict) -> bool:
    """Not just "also passed": the same domain, by the very same token, account or address (MP2, EM8), and not for less
    of it."""
    if remote.outcome is not Outcome.PASS or (remote.exact and not primary.exact):
        return False
    return (remote.adn, remote.token_id, remote.address) == (primary.adn, primary.token_id, primary.address)


def judge_for(job: Job, seen: Observation, primary: Verdict, tokens: Iterable[Token], now: datetime) -> Verdict:
    """By the token the primary found and where it found it: who sees other live ones too, or the same one at another
    domain first, corroborates nonetheless."""
    if primary.token_id is not None:
        tokens = [token for token in tokens if token.id == primary.token_id]
    return judge_remote(*_at(job, seen, primary.adn), tokens, now)


def _at(job: Job, seen: Observation, adn: str | None) -> tuple[Job, Observation]:
    if len(job.places) != len(seen.answers):
        return job, seen
    both = [(p, a) for p, a in zip(job.places, seen.answers, strict=True) if p.adn.domain == adn]
    return replace(job, places=tuple(p for p, _ in both)), replace(seen, answers=tuple(a for _, a in both))


def with_quorum(primary: Verdict, quorum: Quorum, remotes: Mapping[str, str]) -> Verdict:
    """A primary that passed, as the others let it stand. `remotes`: what those that disagree say."""
    if quorum.standing is Standing.AGREED:
        return primary
    said = "; ".join(f"{name}: {remotes[name]}" for name in sorted(quorum.others)) or "all agree, but from one region"
    message = (
        f"The record is seen from here, but only {quorum} remote perspectives corroborate it in "
        f"{len({quorum.regions[name] for name in quorum.agreeing})} regions; {quorum.needed} in 2 regions have to "
        f"(BR 3.2.2.9). {said}"
    )
    return Verdict(Outcome.QUORUM, "quorum", message, primary.place)
