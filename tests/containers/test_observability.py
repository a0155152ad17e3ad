"""Debian's Prometheus runs with the shipped files in the network of compose.yaml, and every expression gives data.

Only the place of the program differs from the profile `observability`: it is copied into a container of our own image,
so that no other image is needed, and finds the members by name as it does there."""

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from shared.devstack.engine import LABEL, RUN, free_host_port, start_reaper
from tests.containers.compose import SERVICES, Compose, run
from tests.observability.files import PROMETHEUS, Expression, every_expression, rules

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed; on Debian it is a package"
)
ACCOUNT = 9001
ORDER = {
    "type": "order_placed", "source": "shop", "occurred_at": "2026-11-23T10:00:00Z", "account_id": ACCOUNT,
    "account": {"id": ACCOUNT, "name": "Acme", "legal_name": "Acme Example Inc.", "currency": "EUR",
                "address": {"line1": "1 Main Street", "postcode": "84043", "city": "Lehi", "country": "US"}},
    "division": {"id": 14, "name": "Main"}, "product_name_id": "ssl_dv_geotrust", "term": {"years": 1},
    "names": ["www.acme.example"], "payment": {"method": "balance"}, "placed_by": "shop",
    "placed_at": "2026-11-23T10:00:00Z",
}  # fmt: skip


@pytest.fixture(scope="module")
def two_of_billing(stack: Compose) -> Iterator[Compose]:
    stack("up", "--detach", "--no-build", "--no-deps", "--scale", "billing=2", "billing")
    yield stack
    stack("up", "--detach", "--no-build", "--no-deps", "--scale", "billing=1", "billing")
    stack("start", "notifications")


@pytest.fixture(scope="module")
def prometheus(two_of_billing: Compose, image: str) -> Iterator[httpx.Client]:
    project, port = two_of_billing.project, free_host_port()
    name = f"{project}-prometheus"
    start_reaper()
    run(
        "docker", "create", "--name", name, "--label", f"{LABEL}={RUN}",
        "--network", f"{project}_default", "--user", "0",
        "--publish", f"127.0.0.1:{port}:9090", image,
        "/prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/data",
    )  # fmt: skip
    try:
        run("docker", "cp", str(shutil.which("prometheus")), f"{name}:/prometheus")
        run("docker", "cp", PROMETHEUS, f"{name}:/etc/prometheus")
        run("docker", "start", name)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", timeout=10) as client:
            yield client
    finally:
        run("docker", "rm", "--force", "--volumes", name)


def targets(prometheus: httpx.Client) -> dict[str, int]:
    """Per job, how many answer."""
    try:
        active = prometheus.get("targets").json()["data"]["activeTargets"]
    except httpx.TransportError:
        return {}
    up = [target["labels"]["job"] for target in active if target["health"] == "up"]
    return {job: up.count(job) for job in up}


def value_of(prometheus: httpx.Client, expr: str) -> list[Any]:
    answer = prometheus.get("query", params={"query": expr}).json()
    assert answer["status"] == "success", f"{expr}: {answer}"
    return list(answer["data"]["result"])


def without_data(prometheus: httpx.Client, expressions: list[Expression]) -> list[Expression]:
    return [expression for expression in expressions if not value_of(prometheus, expression.text)]


async def some_traffic(stack: Compose, round_: int) -> None:
    """Orders of another system, one record that nobody can read, and requests without a key."""
    async with AIOKafkaProducer(bootstrap_servers=f"127.0.0.1:{stack.ports['KAFKA_PORT']}") as producer:
        for number in range(round_ * 5, round_ * 5 + 5):
            order = {**ORDER, "id": f"order-{number}", "order_id": number + 1}
            await producer.send_and_wait("orders.events.v1", json.dumps(order).encode(), str(ACCOUNT).encode())
        await producer.send_and_wait("billing.commands.v1", b"not JSON", str(ACCOUNT).encode())
    async with httpx.AsyncClient(base_url=stack.url) as client:
        for path in ("order/certificate/7", "finance/balance", "domain", "webhook"):
            await client.get(f"/services/v2/{path}")


def test_prometheus_finds_every_member_of_every_service(prometheus: httpx.Client) -> None:
    expected = {"orders": 1, "billing": 2, "validation": 1, "notifications": 1, "prometheus": 1}
    until = time.monotonic() + 90
    while (found := targets(prometheus)) != expected and time.monotonic() < until:
        time.sleep(1)

    assert found == expected


def test_every_expression_gives_data(stack: Compose, prometheus: httpx.Client) -> None:
    missing, until, round_ = every_expression(), time.monotonic() + 150, 0
    assert len(missing) > 100
    while missing and time.monotonic() < until:
        asyncio.run(some_traffic(stack, round_))
        time.sleep(5)
        missing, round_ = without_data(prometheus, missing), round_ + 1

    assert missing == []
    assert without_data(prometheus, [nonsense := Expression("a slip", "issuary_lagg")]) == [nonsense]


def test_the_figures_are_those_of_the_traffic(prometheus: httpx.Client) -> None:
    def one(expr: str) -> float:
        (found,) = value_of(prometheus, expr)
        return float(found["value"][1])

    assert one('sum(issuary_events_total{service="billing", type="order_placed", outcome="applied"})') >= 5
    assert one('sum(issuary_event_errors_total{service="billing", error="Unreadable"})') >= 1
    assert one('service:issuary_parked_events:max{service="billing"}') >= 1
    assert one('sum(issuary_relay_leader{service="billing"})') == 1
    assert one('histogram_quantile(0.5, sum by (le) (issuary_event_seconds_bucket{service="billing"}))') < 60
    partitions = 'count by (partition) (issuary_lag{service="billing", topic="orders.events.v1"})'
    assert (one(f"count({partitions})"), one(f"max({partitions})")) == (12, 1), (
        "each has one member, and shows there only"
    )
    routes = {row["metric"]["route"] for row in value_of(prometheus, "issuary_http_seconds_count")}
    assert "/services/v2/order/certificate/{number}" in routes
    assert not any("7" in route for route in routes)


def test_prometheus_evaluates_every_rule_without_error(prometheus: httpx.Client) -> None:
    groups = prometheus.get("rules").json()["data"]["groups"]
    found = [rule for group in groups for rule in group["rules"]]

    assert len(found) == len(rules("rules.yml")) + len(rules("alerts.yml"))
    assert [rule["name"] for rule in found if rule["health"] != "ok"] == []
    assert [rule["name"] for rule in found if rule.get("state") == "firing"] == []


def test_a_service_without_any_member_counts_none(stack: Compose, prometheus: httpx.Client) -> None:
    stack("stop", "--timeout", "30", "notifications")
    alert, until = 'ALERTS{alertname="IssuaryServiceGone", service="notifications"}', time.monotonic() + 90
    while not value_of(prometheus, alert) and time.monotonic() < until:  # it is evaluated after what it stands on
        time.sleep(2)

    assert value_of(prometheus, 'service:issuary_members:sum{service="notifications"} < 1')
    assert value_of(prometheus, alert)


def test_compose_takes_the_profile(stack: Compose) -> None:
    listed = stack("--profile", "observability", "config", "--services").stdout.split()

    assert {"prometheus", "grafana", *SERVICES} <= set(listed)
