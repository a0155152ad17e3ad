"""Prometheus' files: it takes them, every alert fires when it should, and every metric in them exists."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.service import Service
from shared.service.scrape import scrape
from tests.observability.files import PROMETHEUS, RECORDED, ROOT, every_expression, load, metrics_in, rules
from tests.test_docs import headings_of

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed; on Debian it is in the package prometheus"
)
ALERTS = rules("alerts.yml")


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_prometheus_takes_the_configuration() -> None:
    promtool("check", "config", PROMETHEUS / "prometheus.yml")
    promtool("check", "rules", PROMETHEUS / "rules.yml", PROMETHEUS / "alerts.yml")


@needs_promtool
def test_every_alert_fires_when_it_should_and_else_does_not() -> None:
    promtool("test", "rules", PROMETHEUS / "alerts_test.yml")


def test_every_alert_has_such_a_test() -> None:
    text = (PROMETHEUS / "alerts_test.yml").read_text(encoding="utf-8")

    tested = set(re.findall(r'alertname="(Issuary\w+)", service="\w+"\}\', value: 1', text))
    assert {alert["alert"] for alert in ALERTS} == tested


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_says_why_what_to_do_and_where_to_read_on(alert: dict[str, dict[str, str]]) -> None:
    told = alert["annotations"]

    assert set(told) == {"summary", "reason", "action", "docs"}
    assert alert["labels"]["severity"] in ("page", "ticket")
    page, anchor = told["docs"].split("#")
    assert anchor in headings_of(ROOT / page)


def test_every_service_is_watched() -> None:
    jobs = {job["job_name"]: job for job in load(PROMETHEUS / "prometheus.yml")["scrape_configs"]}

    assert {name: job["metrics_path"] for name, job in jobs.items() if name != "prometheus"} == {
        name: f"/{name}/metrics" for name in ("orders", "billing", "validation", "notifications")
    }


def test_every_recorded_series_that_is_used_is_recorded() -> None:
    used = {name for expression in every_expression() for name in RECORDED.findall(expression.text)}

    assert used == {rule["record"] for rule in rules("rules.yml")}


async def exported(service: Service) -> set[str]:
    text = (await scrape(service)).decode()
    return set(re.findall(r"^# HELP (\w+) ", text, re.MULTILINE))


@pytest.mark.parametrize("service", ["orders", "billing", "validation", "notifications"])
async def test_every_metric_that_is_asked_for_is_exported(built: dict[str, Service], service: str) -> None:
    asked = {name for expression in every_expression() for name in metrics_in(expression.text)}

    assert len(asked) > 30
    assert asked - await exported(built[service]) == set()


async def test_the_table_of_metrics_has_every_metric_and_no_other(built: dict[str, Service]) -> None:
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `issuary_")]

    documented = [name for row in rows for name in re.findall(r"`(issuary_\w+)", row.split("|")[1])]
    assert sorted(documented) == sorted(n for n in await exported(built["billing"]) if n.startswith("issuary_"))
