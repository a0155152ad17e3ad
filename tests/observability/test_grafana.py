"""Grafana's files by its schema and by what a schema cannot say. Grafana itself is not started by any test."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.observability.files import DASHBOARDS, GRAFANA, ROOT, load

SCHEMA = json.loads((Path(__file__).parent / "dashboard.schema.json").read_text(encoding="utf-8"))
each_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: str(path.stem))


@each_dashboard
def test_a_dashboard_is_as_grafana_wants_it(path: Path) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)

    faults = jsonschema.Draft7Validator(SCHEMA).iter_errors(load(path))
    assert [f"{fault.json_path}: {fault.message[:200]}" for fault in faults] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda board: board["panels"][1].update(gridpos=board["panels"][1].pop("gridPos")),
        lambda board: board["panels"][1]["options"].update(colorMode="backgrund"),
        lambda board: board["panels"][1].update(type="sat"),
        lambda board: board["templating"]["list"][0].pop("query"),
    ],
)
def test_the_schema_finds_a_slip_of_the_pen(spoil: Any) -> None:
    board = load(GRAFANA / "dashboards" / "overview.json")

    spoil(board)

    assert not jsonschema.Draft7Validator(SCHEMA).is_valid(board)


@each_dashboard
def test_panels_have_a_number_each_and_do_not_overlap(path: Path) -> None:
    panels = load(path)["panels"]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)
    assert [(a["title"], b["title"]) for a, b in combinations(panels, 2) if overlap(a["gridPos"], b["gridPos"])] == []


def overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    return not (beside or above)


@each_dashboard
def test_thresholds_begin_below_everything_and_rise(path: Path) -> None:
    for panel in load(path)["panels"]:
        steps = panel.get("fieldConfig", {}).get("defaults", {}).get("thresholds", {}).get("steps")
        if steps:
            values = [step["value"] for step in steps]
            assert values[0] is None
            assert values[1:] == sorted(values[1:])


@each_dashboard
def test_every_variable_that_is_used_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    made = {variable["name"] for variable in load(path)["templating"]["list"]}
    assert set(re.findall(r"\$(?!__)(\w+)", text)) == made


@each_dashboard
def test_every_source_of_data_is_provisioned(path: Path) -> None:
    source = load(GRAFANA / "provisioning" / "datasources" / "prometheus.yml")["datasources"][0]

    assert set(re.findall(r'"uid": "([\w-]+)"', path.read_text(encoding="utf-8"))) == {
        source["uid"],
        load(path)["uid"],
    }


def test_dashboards_are_told_apart() -> None:
    boards = [load(path) for path in DASHBOARDS]

    assert len({board["uid"] for board in boards}) == len({board["title"] for board in boards}) == len(boards) == 3


def test_compose_puts_the_files_where_they_are_looked_for() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    source = load(GRAFANA / "provisioning" / "datasources" / "prometheus.yml")["datasources"][0]
    provider = load(GRAFANA / "provisioning" / "dashboards" / "issuary.yml")["providers"][0]

    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in services["grafana"]["volumes"]
    assert "./deploy/grafana/provisioning:/etc/grafana/provisioning:ro" in services["grafana"]["volumes"]
    assert "./deploy/prometheus:/etc/prometheus:ro" in services["prometheus"]["volumes"]
    assert source["url"] == "http://prometheus:9090"
    assert services["prometheus"]["profiles"] == services["grafana"]["profiles"] == ["observability"]
