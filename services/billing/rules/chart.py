"""Where a balance stands on paper: a step line, for money does not slope. Heights are even steps of a round figure, so
that a page can write them beside the drawing without placing them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.billing.rules.period import Period

WIDTH, HEIGHT = 1000, 200
STEPS = 4


@dataclass(frozen=True)
class Point:
    """A run of history: the balance after it, and how far the balance went in it."""

    at: datetime
    low: int
    high: int
    balance: int


@dataclass(frozen=True)
class Chart:
    line: str
    area: str
    grid: Sequence[int]
    zero: int
    limit: int | None
    heights: Sequence[int]  # in minor units, the highest first


def draw(opening: int, points: Sequence[Point], period: Period, until: datetime, limit: int | None) -> Chart:
    """`limit`: the lowest balance that is allowed, where it is to be shown."""
    known = [opening, 0, *(point.low for point in points), *(point.high for point in points)]
    heights = _heights(min(known + ([] if limit is None else [limit])), max(known))
    scale = _Scale(period, heights[0], heights[-1])
    line = f"M0 {scale.y(opening)}" + "".join(_step(point, scale) for point in points) + f"H{scale.x(until)}"
    zero = scale.y(0)
    return Chart(
        line=line, area=f"{line}V{zero}H0Z", grid=[scale.y(height) for height in heights], zero=zero,
        limit=None if limit is None else scale.y(limit), heights=heights,
    )  # fmt: skip


def _step(point: Point, scale: "_Scale") -> str:
    beyond = "" if point.low == point.high else f"V{scale.y(point.high)}V{scale.y(point.low)}"
    return f"H{scale.x(point.at)}{beyond}V{scale.y(point.balance)}"


@dataclass(frozen=True)
class _Scale:
    period: Period
    top: int
    bottom: int

    def x(self, at: datetime) -> int:
        start, end = self.period.start, self.period.end
        share = (min(max(at, start), end) - start) / (end - start)
        return round(WIDTH * share)

    def y(self, balance: int) -> int:
        return HEIGHT * (self.top - balance) // (self.top - self.bottom)


def _heights(low: int, high: int) -> list[int]:
    """Round figures from below the lowest to above the highest, few of them."""
    step = _round_up(max(1, -(-(high - low) // STEPS)))
    first, last = low // step, max(-(-high // step), low // step + 1)
    return [n * step for n in range(last, first - 1, -1)]


def _round_up(figure: int) -> int:
    """The next of 1, 2, 5, 10, 20, …"""
    power: int = 10 ** (len(str(figure)) - 1)
    return next(nice * power for nice in (1, 2, 5, 10) if nice * power >= figure)
