from pathlib import Path
from typing import Any, TypedDict

from shared.devstack.embedded import Servers


class SignIn(TypedDict):
    email: str
    password: str
    role: str


class Opened(TypedDict):
    """What the services opened, as run.json tells it."""

    account: dict[str, Any]
    sign_ins: list[SignIn]
    api_keys: dict[str, str]


def run_json(console: str, pid: int, servers: Servers, opened: Opened) -> dict[str, Any]:
    return {
        "console": console,
        "pid": pid,
        "kafka": servers.broker.address,
        "smtp": servers.mail.address,
        "mails": str(servers.mail.directory),
        "dns": {"address": servers.dns.address, "zone_file": str(servers.dns.zone_file.path), **_views(servers)},
        "account": opened["account"],
        "sign_ins": opened["sign_ins"],
        "api_keys": opened["api_keys"],
    }


def _views(servers: Servers) -> dict[str, Any]:
    """What a remote perspective sees otherwise is written into its own file."""
    return {"views": {name: str(server.zone_file.path) for name, server in servers.views.items()}}


def welcome(run: dict[str, Any], seconds: float, told_in: Path) -> str:
    keys = "\n".join(f"  API key    {key}  ({holder})" for holder, key in run["api_keys"].items())
    people = "\n".join(f"  sign in    {who['email']}  {who['password']}  ({who['role']})" for who in run["sign_ins"])
    return f"""
Issuary is ready after {seconds:.1f} s, in test mode: private addresses count as proof of control.

  console    {run["console"]}
{people}
{keys}
  Kafka      {run["kafka"]}
  mails      {run["mails"]}
  DNS zone   {run["dns"]["zone_file"]}  (answered at {run["dns"]["address"]})

All of this is also in {told_in}; to work on it: python -m services ctl --data {told_in.parent} --help
Ctrl-C stops it; the data stay until `make reset`.
"""
