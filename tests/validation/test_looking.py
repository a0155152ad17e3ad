"""What goes to a perspective elsewhere, and what comes back."""

from datetime import timedelta

from pydantic import TypeAdapter

from services.validation.rules.answers import DnsAnswer, Status
from services.validation.rules.jobs import job_for
from services.validation.rules.judging import judge
from services.validation.rules.looking import Job, Observation
from services.validation.rules.methods import DNS_TXT
from services.validation.rules.names import Name
from services.validation.rules.outcomes import Outcome
from services.validation.rules.tokens import Token
from tests.validation.makers import NOW, VALUE, a_test_policy

JOB = job_for(DNS_TXT, Name("www.acme.example"), a_test_policy())


def seen(*values: str) -> Observation:
    answers = [DnsAnswer(place.name, Status.NXDOMAIN) for place in JOB.places]
    answers[0] = DnsAnswer(JOB.places[0].name, Status.ANSWER, values, count=len(values), errors=((29, "made up"),))
    return Observation(DNS_TXT, "fra", NOW, NOW + timedelta(milliseconds=30), tuple(answers))


def test_a_job_and_what_was_seen_survive_the_way_to_another_perspective_and_back() -> None:
    job = TypeAdapter(Job).validate_json(TypeAdapter(Job).dump_json(JOB))
    back = TypeAdapter(Observation).validate_json(TypeAdapter(Observation).dump_json(seen(VALUE)))

    assert (job, back) == (JOB, seen(VALUE))


def test_a_value_made_after_the_look_began_was_not_seen_by_it() -> None:
    older, younger = (Token("one", VALUE, NOW + timedelta(seconds=late)) for late in (0, 1))

    assert judge(JOB, seen(VALUE), [older], NOW).outcome is Outcome.PASS
    assert judge(JOB, seen(VALUE), [younger], NOW + timedelta(seconds=2)).outcome is Outcome.MISMATCH
