"""The demo's own container (compose.demo.yaml): `secrets` makes what others need before they start; without it the
demo account is opened, DNS is answered for validation, whose network this is, and /data/run.json tells how to play."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.__main__ import build, open_demo
from shared.devstack.dns import DnsServer
from shared.devstack.secrets import Secrets
from shared.log import to_json_lines

if TYPE_CHECKING:  # it names the embedded servers, which are not in the image
    from shared.devstack.summary import Opened

DATA = Path("/data")
DNS_PORT = 5353  # compose.demo.yaml names it as validation's resolver
INSIDE = {"console": "http://gateway", "kafka": "kafka:9092", "mails": "http://mail:8025"}


def main() -> int:
    secrets = Secrets(DATA / "secrets")
    if sys.argv[1:] == ["secrets"]:
        secrets.ec_key("ca_key")
        return 0
    to_json_lines("WARNING")
    asyncio.run(serve(secrets))
    return 0


async def serve(secrets: Secrets) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    opened = await open_demo(build("orders"), secrets)
    async with DnsServer(DATA / "dns.zone", port=DNS_PORT):
        with telling(DATA / "run.json", addresses() | opened):
            sys.stdout.write(welcome(opened))
            await ended.wait()


def addresses() -> dict[str, Any]:
    """As they are outside, and as the demo reaches them among the containers."""
    return {
        "console": os.environ["ISSUARY_BASE_URL"],
        "kafka": f"127.0.0.1:{os.environ['KAFKA_PORT']}",
        "mails": f"http://127.0.0.1:{os.environ['MAIL_PORT']}",
        "inside": INSIDE,
        "dns": {"address": f"127.0.0.1:{DNS_PORT}", "zone_file": str(DATA / "dns.zone")},
    }


@contextmanager
def telling(run_json: Path, told: Mapping[str, Any]) -> Iterator[None]:
    half = run_json.with_suffix(".half")
    half.write_text(json.dumps(told, indent=2), encoding="utf-8")
    half.replace(run_json)
    try:
        yield
    finally:
        run_json.unlink()


def welcome(opened: "Opened") -> str:
    people = [f"sign in  {who['email']}  {who['password']}  ({who['role']})\n" for who in opened["sign_ins"]]
    keys = [f"API key  {key}  ({holder})\n" for holder, key in opened["api_keys"].items()]
    return "".join([f"The demo account is open, test mode: {os.environ['ISSUARY_BASE_URL']}\n", *people, *keys])


if __name__ == "__main__":
    sys.exit(main())
