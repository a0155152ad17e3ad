"""CAA by all perspectives: a remote corroborates when *its* answer means permission, equal records or not (CA10)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.validation.rules.caa import CAA, Issuer, Ruling, judge
from services.validation.rules.corroboration import Agrees, Report, quorum_of
from services.validation.rules.looking import Observation
from services.validation.rules.names import Name
from services.validation.rules.outcomes import Outcome
from services.validation.rules.quorum import Quorum, Standing


@dataclass(frozen=True, slots=True)
class Reading:
    """How CAA is read for whom: an account's name among our domains."""

    name: Name
    issuer: Issuer
    local: Collection[str] = ()

    def of(self, seen: Observation) -> Ruling:
        try:
            return judge(self.name, seen.answers if seen.kind == CAA else (), self.issuer, self.local)
        except (ValueError, LookupError, TypeError, AttributeError):
            return Ruling(frozenset(), Outcome.DNSERR, "unreadable", "What it says it saw are no CAA records.")

    def agrees_with(self, primary: Ruling) -> Agrees:
        return lambda seen: self.of(seen).permits >= primary.permits


@dataclass(frozen=True, slots=True)
class Finding:
    """`ruling` with what the quorum leaves of its permission; `remotes`: what each of the others ruled."""

    ruling: Ruling
    quorum: Quorum | None = None
    remotes: Mapping[str, Ruling] = field(default_factory=dict)


def find(reading: Reading, primary: Observation, reports: Sequence[Report] | None) -> Finding:
    """`reports` is None where the others were not asked: in test mode, or because the primary forbids (MP1)."""
    ruling = reading.of(primary)
    if reports is None or not ruling.permits:
        return Finding(ruling)
    remotes = {one.perspective: reading.of(one.observation) for one in reports if one.observation}
    left = frozenset(method for method in ruling.permits if _agreed(reports, remotes, method))
    quorum = quorum_of(reports, reading.agrees_with(replace(ruling, permits=left or ruling.permits)))
    return Finding(
        replace(ruling, permits=left) if left else _refused(ruling, quorum, reports, remotes), quorum, remotes
    )


def _agreed(reports: Sequence[Report], remotes: Mapping[str, Ruling], method: str) -> bool:
    permitting = [name for name, ruling in remotes.items() if method in ruling.permits]
    quorum = quorum_of(reports, lambda seen: seen.perspective in permitting)
    return quorum.standing is Standing.AGREED


def _refused(ruling: Ruling, quorum: Quorum, reports: Sequence[Report], remotes: Mapping[str, Ruling]) -> Ruling:
    faults = {one.perspective: one.fault for one in reports if one.fault}
    told = "; ".join(f"{name}: {faults.get(name) or remotes[name].message}" for name in sorted(quorum.others))
    message = (
        f"CAA permits us as it is seen from here, but only {quorum} remote perspectives see it so; {quorum.needed} in "
        f"2 regions have to (BR 3.2.2.9). {told}"
    )
    return Ruling(frozenset(), Outcome.QUORUM, "quorum", message, ruling.decided_at)
