"""PostgreSQL 15 is the oldest server that Issuary runs on: the logins' script and every migration work there."""

import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.devstack.engine import LABEL, RUN, free_host_port, start_reaper
from shared.migrate import ROOT, check, upgrade
from tests.containers.compose import SERVICES, run

IMAGE = "postgres:15"


@dataclass(frozen=True)
class Server:
    name: str
    port: int
    secrets: Path

    def url(self, service: str) -> str:
        url = (self.secrets / f"{service}_database_url").read_text().strip()
        return url.replace("@postgres:5432", f"@127.0.0.1:{self.port}")

    def execute(self, *words: str, check: bool = True) -> str:
        ended = run("docker", "exec", "--env", "PGHOST=127.0.0.1", "--env", "PGUSER=postgres", *words, check=check)
        return ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("deploy")
    shutil.copy(ROOT / "deploy" / "postgres" / "databases.sh", folder)
    run("sh", "deploy/secrets.sh", folder / "secrets")
    server = Server(f"issuary-test-{secrets.token_hex(4)}", free_host_port(), folder / "secrets")
    start_reaper()
    run(
        "docker", "run", "--detach", "--name", server.name, "--label", f"{LABEL}={RUN}",
        "--env-file", server.secrets / "postgres.env",
        "--publish", f"127.0.0.1:{server.port}:5432", "--volume", f"{folder}:/given:ro", IMAGE,
    )  # fmt: skip
    try:
        wait(server)
        yield server
    finally:
        run("docker", "rm", "--force", "--volumes", server.name)


def wait(server: Server) -> None:
    ends = time.monotonic() + 60
    while "accepting connections" not in server.execute(server.name, "pg_isready", check=False):
        assert time.monotonic() < ends, run("docker", "logs", server.name).stdout
        time.sleep(0.5)


def test_logins_and_migrations_work_on_the_oldest_server(server: Server) -> None:
    for _ in ("first", "again"):
        server.execute("--env", "SECRETS=/given/secrets", server.name, "sh", "/given/databases.sh")

    for service in SERVICES:
        upgrade(service, server.url(service))
        check(service, server.url(service))


def test_a_login_gets_the_password_of_its_file(server: Server) -> None:
    (server.secrets / "orders_database_url").unlink()
    run("sh", "deploy/secrets.sh", server.secrets)

    server.execute("--env", "SECRETS=/given/secrets", server.name, "sh", "/given/databases.sh")

    upgrade("orders", server.url("orders"))
