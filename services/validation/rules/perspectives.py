"""Where perspectives stand (BR 3.2.2.9): far enough from each other, each with its own name and resolver (MP3, MP7)."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.validation.rules.quorum import REGIONS

APART_KM = 500.0
EARTH_KM = 6371.0
Point = tuple[float, float]


class Perspective(BaseModel):
    """One as it is configured. Its resolver stands beside it unless it says otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    region: str
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    resolver_region: str = ""
    resolver_latitude: float | None = Field(None, ge=-90, le=90)
    resolver_longitude: float | None = Field(None, ge=-180, le=180)
    # How it is reached: by Kafka, unless it has an address of its own …
    url: str = ""
    # … or, in test mode only, is played within this process by these resolvers.
    resolvers: tuple[str, ...] = ()

    @property
    def place(self) -> Point:
        return self.latitude, self.longitude

    @property
    def resolver_place(self) -> Point:
        if self.resolver_latitude is None or self.resolver_longitude is None:
            return self.place
        return self.resolver_latitude, self.resolver_longitude

    @model_validator(mode="after")
    def sound(self) -> Self:
        if self.region not in REGIONS:
            raise ValueError(f"{self.name} is in no region of {', '.join(REGIONS)}")
        if self.resolver_region not in ("", self.region):
            raise ValueError(f"the resolver of {self.name} has to be in the region of its perspective, {self.region}")
        if self.url and not self.url.startswith("https://"):
            raise ValueError(f"{self.name} is reached by https:// only, with mutual TLS")
        return self


def faults(primary: Perspective, remotes: Sequence[Perspective]) -> Iterator[str]:
    """Sentences for whoever configured them."""
    everybody = [primary, *remotes]
    names = [one.name for one in everybody]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"two perspectives are called {name}"
    for one, other in itertools.combinations(everybody, 2):
        if one.name != other.name and (near := _nearest(one, other)) < APART_KM:
            yield f"{one.name} and {other.name} are {near:.0f} km apart, and have to be {APART_KM:.0f} (BR 3.2.2.9)"


def _nearest(one: Perspective, other: Perspective) -> float:
    return min(distance(one.place, other.place), distance(one.resolver_place, other.resolver_place))


def distance(one: Point, other: Point) -> float:
    """In a straight line, through the earth: never more than over the ground."""
    (x, y, z), (u, v, w) = _vector(one), _vector(other)
    return EARTH_KM * math.dist((x, y, z), (u, v, w))


def _vector(place: Point) -> tuple[float, float, float]:
    latitude, longitude = map(math.radians, place)
    return (math.cos(latitude) * math.cos(longitude), math.cos(latitude) * math.sin(longitude), math.sin(latitude))
