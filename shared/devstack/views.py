"""The remote perspectives of the embedded stack: each sees the zone as all do, but for names of a file of its own, by
which disagreement can be played (docs/decisions/0025)."""

import json
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import dns.name
import dns.rdatatype

from shared.devstack.dns import DnsServer
from shared.devstack.zone import Answer, ZoneFile, publish

Place = tuple[str, float, float]  # region, latitude, longitude
PRIMARY: tuple[str, Place] = ("primary", ("RIPE NCC", 52.52, 13.40))
REMOTES: Mapping[str, Place] = {
    "london": ("RIPE NCC", 51.51, -0.13),
    "newyork": ("ARIN", 40.71, -74.01),
    "singapore": ("APNIC", 1.35, 103.82),
    "saopaulo": ("LACNIC", -23.55, -46.63),
    "capetown": ("AFRINIC", -33.92, 18.42),
}


class View:
    def __init__(self, path: Path, beneath: ZoneFile, say: Callable[[str], None]) -> None:
        self._own, self._beneath = ZoneFile(path, say), beneath
        self.path = path

    def current(self) -> "View":
        return self

    def answer(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> Answer:
        own = self._own.current()
        return own.answer(name, kind) if own.holds(name) else self._beneath.current().answer(name, kind)


async def start_views(
    stack: AsyncExitStack, directory: Path, beneath: ZoneFile, say: Callable[[str], None]
) -> dict[str, DnsServer]:
    """One DNS server each, on a port of its own."""
    return {
        name: await stack.enter_async_context(DnsServer(View(directory / f"dns.{name}.zone", beneath, say), say))
        for name in REMOTES
    }


def hide(view_file: Path, name: str) -> None:
    """At this perspective the name has nothing of what is asked for."""
    publish(view_file, name, "HINFO", '"seen" "otherwise"')


def as_setting(views: Mapping[str, DnsServer]) -> str:
    """ISSUARY_VALIDATION_PERSPECTIVES: played within the service's process, which is what test mode may do."""
    name, place = PRIMARY
    remotes = [{**_stands(at, where), "resolvers": [views[at].address]} for at, where in REMOTES.items()]
    return json.dumps([_stands(name, place), *remotes])


def _stands(name: str, place: Place) -> dict[str, object]:
    region, latitude, longitude = place
    return {"name": name, "region": region, "latitude": latitude, "longitude": longitude}
