"""What each perspective of the embedded stack sees, asked of real servers, and a look by all of them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.validation.app import policy_of
from services.validation.clients.configured import observer_of, panel_of, perspectives_of
from services.validation.rules.corroboration import quorum_of
from services.validation.rules.jobs import job_for
from services.validation.rules.judging import judge
from services.validation.rules.looking import Observation
from services.validation.rules.methods import DNS_TXT
from services.validation.rules.names import Name
from services.validation.rules.outcomes import Outcome
from services.validation.rules.tokens import Token
from services.validation.settings import Settings
from shared.db import utcnow
from shared.devstack.dns import DnsServer
from shared.devstack.views import REMOTES, as_setting, hide, start_views
from shared.devstack.zone import ZoneFile, publish

RECORD, VALUE = "_dnsauth.acme.example.", "c8c1f0aa3d5b4c0f8a3e1d2b7f9e6a54"


@dataclass
class Town:
    zone: Path
    views: dict[str, Path]
    settings: Settings


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    zone = ZoneFile(tmp_path / "dns.zone", print)
    async with AsyncExitStack() as stack:
        dns = await stack.enter_async_context(DnsServer(zone))
        views = await start_views(stack, tmp_path, zone, print)
        settings = Settings.from_environment({
            "ISSUARY_ENV": "dev", "ISSUARY_VALIDATION_TEST_MODE": "1", "ISSUARY_VALIDATION_RESOLVERS": dns.address,
            "ISSUARY_VALIDATION_PERSPECTIVES": as_setting(views),
        })  # fmt: skip
        yield Town(zone.path, {name: server.zone_file.path for name, server in views.items()}, settings)


async def corroborating(town: Town) -> str:
    settings = town.settings
    job = job_for(DNS_TXT, Name("acme.example"), policy_of(settings))
    panel = panel_of(settings, perspectives_of(settings).remotes)
    assert panel is not None
    token = Token("t", VALUE, utcnow())

    def agrees(seen: Observation) -> bool:
        return judge(job, seen, [token], utcnow()).outcome is Outcome.PASS

    assert agrees(await observer_of(settings, "primary").observe(job))
    return str(quorum_of(await panel.ask(job, 9001, agrees), agrees))


async def test_all_perspectives_see_what_the_zone_says(town: Town) -> None:
    publish(town.zone, RECORD, "TXT", VALUE)

    assert await corroborating(town) == "5/5"


async def test_disagreement_is_played_by_the_file_of_a_view(town: Town) -> None:
    publish(town.zone, RECORD, "TXT", VALUE)
    hide(town.views["london"], RECORD)
    publish(town.views["singapore"], RECORD, "TXT", "something else")

    assert await corroborating(town) == "3/5"


async def test_the_perspectives_of_the_embedded_stack_are_as_many_and_as_far_apart_as_is_needed(town: Town) -> None:
    configured = perspectives_of(town.settings)

    assert len(configured.remotes) == len(REMOTES) == 5
    assert {one.region for one in configured.remotes} == {"RIPE NCC", "ARIN", "APNIC", "LACNIC", "AFRINIC"}
