"""docs/testing-with-issuary.md, done as it says by a project that has none of our packages."""

import os
import re
import subprocess
import venv
from pathlib import Path

import docker.errors
import pytest
from testcontainers.core.docker_client import DockerClient

from issuary_stack import IssuaryStack, StackError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "testing-with-issuary.md").read_text(encoding="utf-8")
SNIPPET = re.compile(r"^```python\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Elsewhere:
    """A folder with an environment of its own, and the file in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder / "venv", with_pip=True)
        (folder / "issuary_stack.py").write_bytes((ROOT / "issuary_stack.py").read_bytes())

    def python(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        given = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
        return subprocess.run(
            [self.folder / "venv" / "bin" / "python", *arguments],
            cwd=self.folder, env={**given, **environment}, capture_output=True, text=True, timeout=400, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    project = Elsewhere(tmp_path_factory.mktemp("shop"))
    (packages,) = re.findall(r"^pip install ([\w\- ]+?) *(?:#.*)?$", PAGE, re.MULTILINE)
    installed = project.python("-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages.split())
    assert installed.returncode == 0, installed.stderr
    return project


def test_the_page_is_true_in_a_project_without_our_packages(elsewhere: Elsewhere) -> None:
    snippets = dict(SNIPPET.findall(PAGE))
    for name, code in snippets.items():
        (elsewhere.folder / name).write_text(code, encoding="utf-8")

    done = elsewhere.python("-m", "pytest", "-q", "--durations=5")

    assert list(snippets) == ["conftest.py", "test_orders.py"]
    assert PAGE.count("```python") == len(snippets)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_without_the_image_the_error_says_which_command_makes_it(elsewhere: Elsewhere) -> None:
    done = elsewhere.python(
        "-c", "import issuary_stack; issuary_stack.IssuaryStack().start()", ISSUARY_IMAGE="issuary:absent"
    )

    assert done.returncode == 1
    assert "There is no image issuary:absent on this machine." in done.stderr
    assert "`make image`" in done.stderr


def test_without_an_engine_the_error_says_what_to_do(elsewhere: Elsewhere) -> None:
    starting = "import issuary_stack; issuary_stack.IssuaryStack().start()"

    done = elsewhere.python("-c", starting, DOCKER_HOST="tcp://127.0.0.1:1")

    assert "No container engine answers" in done.stderr
    assert "Start one, or set DOCKER_HOST." in done.stderr


def test_what_fails_shows_its_last_lines_and_leaves_no_container() -> None:
    stack = IssuaryStack(settings={"ISSUARY_ORDERS_DATABASE_URL": "postgresql+asyncpg://nobody@postgres/orders"})

    with pytest.raises(StackError, match=r"(?s)^The container issuary ended by itself.*nobody"):
        stack.start()

    made = [container.get_container_id() for container in stack._containers.named.values()]
    assert len(made) == 4
    for container in made:
        with pytest.raises(docker.errors.NotFound):
            DockerClient().client.containers.get(container)
