"""What is in deploy/prometheus and deploy/grafana, and the expressions in it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parent.parent.parent
PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
COMPARISON = re.compile(r"(?P<left>.+\S) (?P<sign>[<>]|==) (?P<bound>[\d.e+]+)", re.DOTALL)
METRIC = re.compile(r"(?<![:\w])((?:issuary|process|python)_\w+)(?!\w*:)")
RECORDED = re.compile(r"\bservice:\w+:\w+")


class Expression(NamedTuple):
    where: str
    text: str


def load(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def rules(name: str) -> list[dict[str, Any]]:
    return [rule for group in load(PROMETHEUS / name)["groups"] for rule in group["rules"]]


def left_of(comparison: str) -> str:
    """What an alert compares: it has a value when all is well, too."""
    found = COMPARISON.fullmatch(comparison)
    assert found, f"{comparison} is not of the shape `what < number`"
    return found["left"]


def rule_expressions() -> Iterator[Expression]:
    for rule in rules("rules.yml"):
        yield Expression(rule["record"], rule["expr"])
    for rule in rules("alerts.yml"):
        yield Expression(rule["alert"], left_of(rule["expr"]))


def panel_expressions() -> Iterator[Expression]:
    for path in DASHBOARDS:
        for panel in load(path)["panels"]:
            for target in panel.get("targets", ()):
                yield Expression(f"{path.stem}: {panel['title']}", filled_in(target["expr"]))


def other_expressions() -> Iterator[Expression]:
    """Of variables, and of annotations as they are when nothing is wrong."""
    for path in DASHBOARDS:
        board = load(path)
        for variable in board["templating"]["list"]:
            metric = variable["query"]["query"].removeprefix("label_values(").rsplit(",", 1)[0]
            yield Expression(f"{path.stem}: ${variable['name']}", filled_in(metric))
        for annotation in board["annotations"]["list"]:
            expr = annotation["target"]["expr"].replace('alertstate="firing"', 'alertstate="pending"').split(" > ")[0]
            yield Expression(f"{path.stem}: {annotation['name']}", expr)


def filled_in(expr: str) -> str:
    """As Grafana does it, with All chosen, for the scrape interval that is provisioned."""
    return expr.replace("$service", ".*").replace("$instance", ".*").replace("$__rate_interval", "1m")


def every_expression() -> list[Expression]:
    return [*rule_expressions(), *panel_expressions(), *other_expressions()]


def metrics_in(expr: str) -> set[str]:
    """Names of families: a histogram's parts are one."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in METRIC.findall(expr)}
