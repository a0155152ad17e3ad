"""`python -m services ctl billing …`: what staff do with billing from a shell."""

import argparse
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from services.billing.actions.numbering import SERIES
from services.billing.cli.bank import bank_file, take_bank_file
from services.billing.cli.catalogue import load, load_file
from services.billing.cli.imports import import_file, take_over
from services.billing.cli.months import close, close_month
from services.billing.cli.numbering import continue_series, go_on_after
from services.billing.cli.verifying import verify_book
from shared.service import Service

__all__ = ["COMMANDS", "close", "continue_series", "import_file", "load", "run", "take_bank_file", "told_by"]

Command = Callable[[Service, Any, str], Awaitable[int]]


def _load(parser: argparse.ArgumentParser) -> Command:
    parser.add_argument("file", help="the dated data, as docs/catalogue.md describes")
    return load_file


def _bank(parser: argparse.ArgumentParser) -> Command:
    parser.add_argument("file", help="the bank's statement, camt.053, as docs/bank-files.md describes")
    return bank_file


def _close(parser: argparse.ArgumentParser) -> Command:
    parser.add_argument("month", help="like 2026-11; closed again it works off what was parked")
    return close_month


def _import(parser: argparse.ArgumentParser) -> Command:
    parser.add_argument("file", type=Path, help="CSV or JSON; refused rows are written to FILE.refused.csv")
    parser.add_argument("--source", required=True, help="the older system's name: what is imported counts once for it")
    parser.add_argument("--dry-run", action="store_true", help="check and tell, change nothing")
    parser.add_argument("--notify", action="store_true", help="mail the invoices to the billing contacts")
    return take_over


def _series(parser: argparse.ArgumentParser) -> Command:
    parser.add_argument("entity", type=int, help="number of the selling entity")
    parser.add_argument("series", choices=SERIES)
    parser.add_argument("year", type=int)
    parser.add_argument("last", type=int, help="the highest number used")
    parser.add_argument("--why", required=True, help="one line for auditors")
    return go_on_after


def _verify(_: argparse.ArgumentParser) -> Command:
    return verify_book


COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], Command]]] = {
    "bank": ("take a bank's statement, and settle what it names", _bank),
    "close": ("close a month: what is on account, and what is owed", _close),
    "import": ("invoices and balances of an older system: docs/migration.md", _import),
    "load": ("add dated data: sellers, prices, taxes, exchange rates", _load),
    "number-series": ("go on after the numbers that an older system used", _series),
    "verify": ("prove that the book is in order", _verify),
}


async def run(service: Service, told: Any) -> int:
    """The exit status. Raises DomainError for what is refused."""
    command: Command = told.command
    return await command(service, told, os.environ.get("USER", "shell"))


def told_by(arguments: Sequence[str]) -> Any:
    parser = argparse.ArgumentParser(prog="python -m services ctl billing")
    commands = parser.add_subparsers(required=True)
    for name, (text, prepare) in COMMANDS.items():
        one = commands.add_parser(name, help=text)
        one.set_defaults(command=prepare(one))
    return parser.parse_args(arguments)
