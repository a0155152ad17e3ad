import re

import pytest

from shared.gateway import configuration
from shared.host import ROUTES, owner
from shared.migrate import ROOT

RULE = re.compile(r"^    ~(\S+) (\w+);$", re.MULTILINE)


def chosen(text: str, path: str) -> str:
    """As nginx reads a map: the first pattern that fits."""
    return next((service for pattern, service in RULE.findall(text) if re.match(pattern, path)), "orders")


def test_the_gateway_that_is_checked_in_is_the_one_that_the_routes_make() -> None:
    checked_in = (ROOT / "deploy" / "gateway" / "default.conf").read_text()

    assert checked_in == configuration(ROUTES), "python -m services ctl gateway > deploy/gateway/default.conf"


@pytest.mark.parametrize(
    "path", [each for prefix in ROUTES for each in (prefix, f"{prefix}/7", f"{prefix}x", f"/x{prefix}")]
)
def test_the_gateway_sends_a_path_where_one_process_would(path: str) -> None:
    assert chosen(configuration(ROUTES), path) == owner(path)
