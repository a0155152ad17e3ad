"""What an operator does from a shell, as far as it needs no broker."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from services.__main__ import control, main
from shared import ctl
from shared.devstack.child import free_port
from shared.devstack.chosen import Postgres
from shared.migrate import ROOT
from shared.service import make_service
from shared.settings import BaseSettings
from tests.bus import as_record, record
from tests.shared.parked import replace
from tests.toy import TOPIC, Toy, counted, make_door

Ctl = Callable[..., Awaitable[str]]


def tools_of(settings: BaseSettings, *names: str) -> ctl.Tools:
    return ctl.Tools(
        names,
        lambda name: make_service(name, settings, door=make_door()),
        lambda name: settings,
        lambda name: make_door(),
    )


@pytest.fixture
def run(toy: Toy, capsys: pytest.CaptureFixture[str]) -> Ctl:
    tools = tools_of(BaseSettings(database_url=toy.url, kafka=f"127.0.0.1:{free_port()}"), "toy")

    async def run(*arguments: str, fails: bool = False) -> str:
        assert await asyncio.to_thread(ctl.main, arguments, tools) == int(fails)
        return capsys.readouterr().out

    return run


async def test_parked_events_are_listed_shown_discarded_and_what_waited_is_applied(toy: Toy, run: Ctl) -> None:
    assert await run("parked", "list", "toy") == "Nothing is parked.\n"
    events = [counted(1, 1, fails="bug"), counted(1, 1), counted(1, 2)]
    await toy.open_door().handle([as_record(event, n) for n, event in enumerate(events)])

    listed = await run("parked", "list", "toy")
    shown = await run("parked", "show", "toy", TOPIC, "thing/1")
    again = await run("parked", "retry", "toy", TOPIC, "thing/1")
    first = (await toy.parked())[0]
    discarded = await run("parked", "discard", "toy", str(first.seq), "--reason", "sent again")

    assert "thing/1  3 events since" in listed
    assert "ZeroDivisionError: a bug in a consumer" in listed
    assert shown.count("waits") == 2
    assert '"fails":"bug"' in shown
    assert again.startswith("0 applied, 3 left: ZeroDivisionError")
    assert "2" in discarded
    assert await toy.versions() == {1: 2}
    assert await toy.value("SELECT after->>'reason' FROM audit_log") == "sent again"


async def test_a_record_parked_alone_is_listed_by_its_number_and_retried_by_it(toy: Toy, run: Ctl) -> None:
    await toy.open_door().handle([record(TOPIC, b"1", b"{", offset=3)])
    [alone] = await toy.parked()
    listed = await run("parked", "list", "toy")
    await replace(toy)

    await run("parked", "retry-one", "toy", str(alone.seq))

    assert f"number {alone.seq}" in listed
    assert "not JSON" in listed
    assert await toy.versions() == {1: 1}


async def test_a_newer_schema_is_left_alone_so_that_an_older_program_can_come_back(
    postgres: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    await postgres.make_databases(["newer"])
    settings = BaseSettings(database_url=postgres.url("newer"))
    tools = ctl.Tools(
        ["billing"],
        lambda name: make_service(name, settings, door=make_door()),
        lambda name: settings,
        lambda name: make_door(),
    )
    connection = await asyncpg.connect(settings.database_url.replace("+asyncpg", ""))
    await connection.execute("CREATE TABLE alembic_version (version_num varchar(32))")
    await connection.execute("INSERT INTO alembic_version VALUES ('9999')")

    status = await asyncio.to_thread(ctl.main, ["migrate"], tools)

    assert (status, capsys.readouterr().out) == (
        0,
        "billing: nothing is changed: the database of billing is at 9999, which is newer than this program's 0001; "
        "it goes on\n",
    )
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
    assert await connection.fetchval(tables) == 1
    await connection.close()


async def test_what_is_not_there_is_said_in_a_sentence(toy: Toy, run: Ctl) -> None:
    assert "Nothing is parked for thing/9" in await run("parked", "retry", "toy", TOPIC, "thing/9", fails=True)
    assert "There is no parked event 77" in await run("parked", "discard", "toy", "77", "--reason", "x", fails=True)


REPLAY = ("replay", "toy", "--since", "2026-11-23T10:00:00Z")


async def test_a_replay_without_kafka_says_so(run: Ctl) -> None:
    assert (await run(*REPLAY, fails=True)).startswith("waits for Kafka at 127.0.0.1:")
    assert (await run("topics", fails=True)).startswith("waits for Kafka at 127.0.0.1:")


@pytest.mark.parametrize("arguments", [("parked", "list", "toy"), ("parked", "retry", "toy", "t", "s"), ("migrate",)])
async def test_a_database_that_is_not_there_is_a_sentence(
    toy: Toy, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    name = "billing" if arguments == ("migrate",) else "toy"
    place = f"127.0.0.1:{free_port()}"
    urls = [f"postgresql+asyncpg://u:secret@{place}/gone", toy.url.rpartition("/")[0] + "/absent"]

    for url in urls:
        assert await asyncio.to_thread(ctl.main, arguments, tools_of(BaseSettings(database_url=url), name)) == 1

    gone, absent = capsys.readouterr().out.splitlines()
    assert gone == f"waits for the database gone at {place}: connection refused"
    assert absent.startswith("there is no database absent at ")


def test_a_catalogue_is_not_loaded_into_a_database_that_is_not_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISSUARY_DATABASE_URL", f"postgresql+asyncpg://u:secret@127.0.0.1:{free_port()}/gone")
    catalogue = ["billing", "load", str(ROOT / "docs" / "catalogue.toml")]

    assert control(catalogue) == 1

    assert capsys.readouterr().err.startswith("waits for the database gone at 127.0.0.1:")


def test_the_shipped_script_of_rights_is_what_the_services_need_today(capsys: pytest.CaptureFixture[str]) -> None:
    assert control(["acls"]) == 0

    assert capsys.readouterr().out == (ROOT / "deploy" / "kafka" / "acls.sh").read_text()


def test_principals_may_be_named_as_certificates_are_and_another_system_asks_and_hears(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert control(["acls", "--principal", "User:CN={}", "--system", "shop"]) == 0

    lines = capsys.readouterr().out.splitlines()
    shop = [line for line in lines if line.startswith("allow User:shop")]
    assert "allow User:CN=billing --operation Read --group billing" in lines
    assert [line for line in shop if "Write" in line and ".events." in line] == []
    assert "allow User:shop --operation Read --group shop --resource-pattern-type prefixed" in shop


@pytest.mark.parametrize(
    ("asked", "named"),
    [(["--help"], ["--data DIR", "billing", "orders"]), (["billing", "--help"], ["close", "import", "verify"])],
)
def test_help_names_the_commands_of_every_service_and_needs_no_database(
    asked: list[str], named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        control(asked)

    said = capsys.readouterr().out
    assert [word for word in named if word not in said] == []


def test_the_folder_of_a_run_says_where_its_databases_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISSUARY_BILLING_DATABASE_URL", "")  # put back afterwards
    url = f"postgresql+asyncpg://u:secret@127.0.0.1:{free_port()}/running"
    (tmp_path / "run.json").write_text(json.dumps({"environment": {"ISSUARY_BILLING_DATABASE_URL": url}}))

    assert control(["--data", str(tmp_path), "billing", "verify"]) == 1

    assert capsys.readouterr().err.startswith("waits for the database running at 127.0.0.1:")


def test_where_nothing_runs_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ctl", "--data", str(tmp_path), "billing", "verify"]) == 2

    assert capsys.readouterr().err.startswith(f"Nothing runs in {tmp_path}")
