"""What is looked at and what was seen. Plain values: a perspective elsewhere is given the one and answers the other."""

from dataclasses import dataclass
from datetime import datetime

from services.validation.rules.answers import DnsAnswer
from services.validation.rules.contacts import Contact
from services.validation.rules.dns_change import Place
from services.validation.rules.hops import Hop
from services.validation.rules.persist import Wanted


@dataclass(frozen=True, slots=True)
class Job:
    """`kind` is the method's name on the wire; the place applicants are told of comes first."""

    kind: str
    name: str
    places: tuple[Place, ...]
    zone: str = ""  # ours, that a CNAME proof points into
    file: str = ""
    wanted: Wanted | None = None  # whom a persistent record is to name
    contact: Contact | None = None  # who confirmed by a mail


@dataclass(frozen=True, slots=True)
class Observation:
    """What one perspective saw: an answer a place, or the requests for the file; `started_at` is the earliest datum
    (EV10)."""

    kind: str
    perspective: str
    started_at: datetime
    finished_at: datetime
    answers: tuple[DnsAnswer, ...] = ()
    hops: tuple[Hop, ...] = ()

    def as_evidence(self) -> list[dict[str, object]]:
        return [*(answer.as_evidence() for answer in self.answers), *(hop.as_evidence() for hop in self.hops)]
