"""Megabytes over minutes as plain SVG: one line a service, named where it ends."""

from collections.abc import Sequence

COLOURS = ("#1f4fd8", "#0f8a5f", "#b4540a", "#8a3ffc")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, FOOT = 720, 320, 48, 120, 44, 36
TITLE = "Resident memory, MB, over minutes at a steady rate"


def svg(samples: Sequence[dict[str, float]], names: Sequence[str]) -> str:
    last, highest = samples[-1]["seconds"], max(one[name] for one in samples for name in names)
    top = -(-highest // 50) * 50

    def at(seconds: float, size: float) -> tuple[float, float]:
        across = LEFT + (WIDTH - LEFT - RIGHT) * seconds / last
        return round(across, 1), round(HEIGHT - FOOT - (HEIGHT - TOP - FOOT) * size / top, 1)

    grid = "".join(_line(at(0, size), f"{size:.0f}") for size in range(0, int(top) + 1, 50))
    ticks = "".join(_tick(at(minute * 60, 0), str(minute)) for minute in _minutes(last))
    curves = "".join(
        _curve([at(one["seconds"], one[name]) for one in samples], colour, f"{name} {samples[-1][name]:.0f}")
        for name, colour in zip(names, COLOURS, strict=True)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-size="12" '
        f'font-family="Inter, system-ui, sans-serif"><title>{TITLE}</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f'<text x="16" y="26" font-size="15" font-weight="600" fill="#14181f">{TITLE}</text>'
        f"{grid}{ticks}{curves}</svg>\n"
    )


def _minutes(seconds: float) -> range:
    return range(0, int(seconds // 60) + 1, max(1, int(seconds // 60) // 6))


def _line(place: tuple[float, float], text: str) -> str:
    x, y = place
    return (
        f'<path d="M{x} {y}H{WIDTH - RIGHT}" stroke="#e3e7ee"/>'
        f'<text x="{x - 8}" y="{y + 4}" text-anchor="end" fill="#4d5766">{text}</text>'
    )


def _tick(place: tuple[float, float], text: str) -> str:
    return f'<text x="{place[0]}" y="{place[1] + 18}" text-anchor="middle" fill="#4d5766">{text}</text>'


def _curve(points: Sequence[tuple[float, float]], colour: str, text: str) -> str:
    path = " ".join(f"{x},{y}" for x, y in points)
    x, y = points[-1]
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        f'<text x="{x + 8}" y="{y + 4}" fill="{colour}">{text}</text>'
    )
