"""What a scenario measured, as a line of JSON on standard error and, with ISSUARY_FIGURES, in that file."""

import json
import os
import sys
from pathlib import Path


def told(scenario: str, **figures: float | str) -> None:
    rounded = {name: round(value, 2) if isinstance(value, float) else value for name, value in figures.items()}
    line = json.dumps({"scenario": scenario, **rounded})
    sys.stderr.write(line + "\n")
    if path := os.environ.get("ISSUARY_FIGURES"):
        with Path(path).open("a") as file:
            file.write(line + "\n")
