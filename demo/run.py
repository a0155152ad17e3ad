"""What `make run`, or the demo's container, tells about the stack in `run.json`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.failure import Failed, must
from demo.mails import Mails, found_at


@dataclass(frozen=True)
class Run:
    console: str  # as a browser finds it
    api: str  # as the demo does: the same, but for a demo inside the network of the containers
    kafka: str
    mails: Mails
    zone_file: Path
    account_id: int
    division_id: int
    keys: dict[str, str]
    passwords: dict[str, tuple[str, str]]  # name of the user in its address → e-mail address, password


def find(data: Path) -> Run:
    try:
        told: dict[str, Any] = json.loads((data / "run.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Failed(f"Nothing runs here: {data}/run.json is missing. Start `make run` in another terminal.") from None
    keys = {**told["api_keys"], "limited_user": _key_of_limited_user(data)}
    for role in ("administrator", "operator"):
        must(role in keys, f"run.json has no API key of the role {role}; the demo orders with it.")
    reached = told | told.get("inside", {})
    return Run(
        console=told["console"],
        api=reached["console"],
        kafka=reached["kafka"],
        mails=found_at(reached["mails"], told["mails"]),
        zone_file=Path(told["dns"]["zone_file"]),
        account_id=told["account"]["id"],
        division_id=told["account"]["divisions"][0]["id"],
        keys=keys,
        passwords={who["email"].split("@")[0]: (who["email"], who["password"]) for who in told["sign_ins"]},
    )


def _key_of_limited_user(data: Path) -> str:
    try:
        return (data / "secrets" / "api_key_limited_user").read_text(encoding="utf-8").strip()
    except OSError:
        raise Failed(f"The key in {data}/secrets/api_key_limited_user cannot be read; restart `make run`.") from None
