"""Each import contract of pyproject is broken here once, in a copy of the tree, and reported by its name."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from shared.migrate import ROOT

APART = "Services talk through events, never through imports"
SHAPE = "Every service has the same layers, and no other module"
PURE = "Rules and event contracts do no I/O"
INSIDE = "Actions and models know neither Kafka nor HTTP"
FLAT = "shared/ is flat and ordered"
BREACHES = [
    (APART, "services/orders/rules/extra.py", "import services.billing.rules"),
    ("Every folder of services/ is named here", "services/shipping/__init__.py", ""),
    ("shared/ knows no service", "shared/log.py", "import services.orders.rules"),
    (SHAPE, "services/orders/helpers.py", ""),
    (SHAPE, "services/orders/models/extra.py", "import services.orders.actions"),
    (SHAPE, "services/validation/actions/extra.py", "import services.validation.clients"),
    (PURE, "services/billing/rules/extra.py", "import sqlalchemy"),
    (PURE, "shared/events/extra.py", "import shared.outbox"),
    (INSIDE, "services/orders/actions/extra.py", "import httpx"),
    (INSIDE, "services/billing/models/extra.py", "import shared.relay"),
    (FLAT, "shared/money.py", ""),
    (FLAT, "shared/ids.py", "import shared.db"),
]


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    for folder in ("services", "shared"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "templates"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def lint_imports(tree: Path) -> str:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, cwd=tree, capture_output=True, text=True, check=False
    )
    return done.stdout


def test_every_import_contract_is_broken_here_once() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["name"] for contract in contracts} == {name for name, *_ in BREACHES}


def test_the_tree_as_it_is_keeps_them(tree: Path) -> None:
    assert "kept, 0 broken." in lint_imports(tree)


@pytest.mark.parametrize(("contract", "path", "line"), BREACHES)
def test_a_breach_is_reported_under_its_contracts_name(tree: Path, contract: str, path: str, line: str) -> None:
    module = tree / path
    before = module.read_text() if module.exists() else None
    module.parent.mkdir(exist_ok=True)
    module.write_text(f"{before or ''}\n{line}\n")
    try:
        said = lint_imports(tree)
    finally:
        module.unlink() if before is None else module.write_text(before)
        if before is None and not any(module.parent.iterdir()):
            module.parent.rmdir()
    assert f"{contract} BROKEN" in said
