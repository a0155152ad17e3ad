"""What holds of compose.yaml without any engine. That it runs is shown in tests/containers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from services.validation.clients.configured import perspectives_of
from services.validation.settings import Settings
from shared.gateway import configuration
from shared.host import ROUTES

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


async def client_of(peer: str, said: str) -> str:
    """Whom a service takes for the client, as Compose sets it up."""
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    found: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append(scope["client"][0])

    trusted = compose["orders"]["environment"]["FORWARDED_ALLOW_IPS"]
    scope = {
        "type": "http",
        "scheme": "http",
        "client": (peer, 40000),
        "headers": [(b"x-forwarded-for", said.encode())],
    }
    await ProxyHeadersMiddleware(app, trusted)(scope, None, None)  # type: ignore[arg-type]
    return found[0]


@pytest.mark.parametrize("client", ["203.0.113.9", "192.168.1.5", "2001:db8::9"])
@pytest.mark.parametrize("gateway", ["172.18.0.7", "10.89.0.4", "192.168.16.3", "fd12:3456::7"])
async def test_a_service_knows_the_client_by_the_word_of_the_gateway(gateway: str, client: str) -> None:
    assert await client_of(gateway, client) == client


async def test_nobody_outside_is_believed_about_the_client() -> None:
    assert await client_of("203.0.113.9", "198.51.100.1") == "203.0.113.9"


def test_only_the_gateway_reaches_a_service_and_it_passes_on_no_word_of_the_client() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]

    for name in ("orders", "billing", "validation", "notifications"):
        assert "FORWARDED_ALLOW_IPS" in compose[name]["environment"]
        assert "ports" not in compose[name]
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in configuration(ROUTES)
