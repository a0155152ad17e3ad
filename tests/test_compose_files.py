"""What holds of compose.yaml without any engine. That it runs is shown in tests/containers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.validation.clients.configured import perspectives_of
from services.validation.settings import Settings

ROOT = Path(__file__).parent.parent


@pytest.fixture
def services() -> dict[str, Any]:
    """Of both files, as Compose puts them together as far as images and order go."""
    found: dict[str, Any] = {}
    for name in ("compose.yaml", "compose.demo.yaml"):
        for service, told in yaml.safe_load((ROOT / name).read_text())["services"].items():
            before = found.get(service, {})
            found[service] = {
                **before,
                **told,
                "depends_on": [*before.get("depends_on", ()), *told.get("depends_on", ())],
            }
    return found


def all_before(services: dict[str, Any], name: str) -> Iterator[str]:
    for other in services[name]["depends_on"]:
        yield other
        yield from all_before(services, other)


def test_an_image_is_built_by_one_service_and_before_the_others_that_have_it(services: dict[str, Any]) -> None:
    builders = {told["image"]: name for name, told in services.items() if "build" in told}

    assert len(builders) == sum("build" in told for told in services.values()) == 2
    for name, told in services.items():
        if (builder := builders.get(told["image"])) and name != builder:
            assert builder in all_before(services, name), f"{name} may be started before {builder} has built its image"


def test_the_perspectives_that_run_are_those_that_are_configured() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    name = "ISSUARY_VALIDATION_PERSPECTIVES"
    given = {name: compose["validation"]["environment"][name]}
    configured = perspectives_of(Settings.from_environment(given))

    run = {
        one["command"][-1]: one["environment"]["ISSUARY_VALIDATION_PERSPECTIVE_REGION"]
        for name, one in compose.items()
        if name.startswith("perspective-")
    }
    assert run == {one.name: one.region for one in configured.remotes}
    assert len(run) == 5
