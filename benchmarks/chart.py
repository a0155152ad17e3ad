"""A bar chart of the contenders as plain SVG: length is the figure, the figure stands beside it."""

from typing import Any

LABELS = {"floor": "hand-written SQL (floor)", "issuary": "Issuary", "naive": "naive service"}
COLOURS = {"floor": "#8a94a6", "issuary": "#1f4fd8", "naive": "#8a94a6"}
WIDTH, LEFT, ROW = 720, 190, 44
TITLE = "Order events through billing per second"


def svg(found: dict[str, Any]) -> str:
    rates: dict[str, int] = found["order_events_per_s"]
    longest = max(rates.values())
    bars = "".join(_bar(n, name, rates[name], longest) for n, name in enumerate(LABELS))
    latency = found["latency_ms"]
    foot = (
        f"Issuary: {found['times_naive']} × naive, {found['share_of_floor']:.0%} of the floor; "
        f"at 200 orders/s p50 {latency['p50']} ms, p99 {latency['p99']} ms"
    )
    height = ROW * len(LABELS) + 92
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="Inter, system-ui, sans-serif" font-size="14"><title>{TITLE}</title>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
        f'<text x="16" y="30" font-size="16" font-weight="600" fill="#14181f">{TITLE}</text>'
        f'{bars}<text x="16" y="{height - 16}" fill="#4d5766" font-size="12.5">{foot}</text></svg>\n'
    )


def _bar(n: int, name: str, rate: int, longest: int) -> str:
    top = 48 + n * ROW
    length = max(2, round((WIDTH - LEFT - 100) * rate / longest))
    return (
        f'<text x="{LEFT - 10}" y="{top + 20}" text-anchor="end" fill="#14181f">{LABELS[name]}</text>'
        f'<rect x="{LEFT}" y="{top + 3}" width="{length}" height="26" rx="4" fill="{COLOURS[name]}"/>'
        f'<text x="{LEFT + length + 8}" y="{top + 20}" fill="#14181f">{rate:,}</text>'
    )
