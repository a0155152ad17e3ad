import os
import secrets
from collections.abc import Iterator

import pytest

from shared.devstack.engine import free_host_port
from tests.containers.compose import Compose, run

IMAGE = os.environ.get("ISSUARY_IMAGE", "issuary:dev")


@pytest.fixture(scope="session")
def image() -> str:
    if run("docker", "image", "inspect", IMAGE, check=False).returncode:
        pytest.fail(f"There is no image {IMAGE}; make it with: make image")
    return IMAGE


@pytest.fixture(scope="session")
def stack(image: str) -> Iterator[Compose]:
    """Everything of compose.yaml, with the demo's own; started once for all tests."""
    run("sh", "deploy/secrets.sh")
    ports = {name: str(free_host_port()) for name in ("PORT", "KAFKA_PORT", "MAIL_PORT")}
    compose = Compose(f"issuary-test-{secrets.token_hex(4)}", ports)
    with compose.removed():
        compose.pull()
        compose.up()
        yield compose
