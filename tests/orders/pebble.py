"""Pebble, the ACME CA of Let's Encrypt for tests: built from source where Go is, once for all runs."""

import asyncio
import fcntl
import json
import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from shared.devstack.child import free_port
from tests.containers.certificates import Authority
from tests.orders.dns_zone import ZoneServer

VERSION = "v2.10.3"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "issuary" / f"pebble-{VERSION}"


@dataclass(frozen=True)
class Pebble:
    directory: str
    ca: str
    roots: str


def program() -> Path:
    """Skips the test where it can be neither found nor built."""
    built = CACHE / "pebble"
    if built.exists():
        return built
    if shutil.which("go") is None:
        pytest.skip("no Go here, with which Pebble is built; tests of the ACME client are skipped")
    wanted = f"github.com/letsencrypt/pebble/v2/cmd/pebble@{VERSION}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:  # test processes at once: one builds, the others wait for it
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _built(built, wanted)


def _built(built: Path, wanted: str) -> Path:
    if built.exists():
        return built
    into = {**os.environ, "GOBIN": str(CACHE)}
    made = subprocess.run(["go", "install", wanted], env=into, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"Pebble could not be built here: {made.stderr[-300:]}")
    return built


@asynccontextmanager
async def running(zone: ZoneServer, folder: Path, **given: object) -> AsyncIterator[Pebble]:
    """Each is a CA of its own, with another root; `given` goes into its configuration."""
    authority, port, management = Authority(), free_port(), free_port()
    config = configuration(authority, folder, port, management, given)
    log = (folder / "pebble.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        str(program()), "-config", str(config), "-dnsserver", f"127.0.0.1:{zone.port}", "-strict",
        stdout=log, stderr=log, env={**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"},
    )  # fmt: skip
    try:
        roots = await fetched(f"https://127.0.0.1:{management}/roots/0", authority.pem)
        yield Pebble(f"https://127.0.0.1:{port}/dir", authority.pem, roots)
    finally:
        process.kill()
        await process.wait()
        log.close()


def configuration(authority: Authority, folder: Path, port: int, management: int, given: dict[str, object]) -> Path:
    certificate, key = authority.issue("pebble", "127.0.0.1")
    (folder / "cert.pem").write_text(certificate)
    (folder / "key.pem").write_text(key)
    settings = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(folder / "cert.pem"),
        "privateKey": str(folder / "key.pem"),
        "httpPort": 1,
        "tlsPort": 1,
        "ocspResponderURL": "",
        "retryAfter": {"authz": 1, "order": 1},
        "domainBlocklist": ["blocked.example"],
        **given,
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
    return folder / "pebble.json"


async def fetched(url: str, ca: str) -> str:
    async with httpx.AsyncClient(verify=ssl.create_default_context(cadata=ca)) as client:
        for _ in range(100):
            try:
                return (await client.get(url)).text
            except httpx.TransportError:
                await asyncio.sleep(0.1)
    raise AssertionError(f"{url} does not answer")
