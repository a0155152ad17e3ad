"""`make up` waits here until every service is ready, and says what it waits for. Standard library only."""

import sys
import time
import urllib.error
import urllib.request

SERVICES = ("orders", "billing", "validation", "notifications")
PATIENCE = 180.0


def main(url: str) -> int:
    began, told = time.monotonic(), ""
    while faults := missing(url):
        if (waiting := ", ".join(faults)) != told:
            sys.stdout.write(f"  waiting for {waiting}\n")
            told = waiting
        if time.monotonic() - began > PATIENCE:
            sys.stdout.write(f"Not ready after {PATIENCE:.0f} s: {faults}; `docker compose logs` tells more.\n")
            return 1
        time.sleep(0.5)
    sys.stdout.write(f"Issuary is ready at {url}\n")
    return 0


def missing(url: str) -> dict[str, str]:
    found = {name: fault(f"{url}/{name}/health/ready") for name in SERVICES}
    return {name: text for name, text in found.items() if text}


def fault(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own gateway
            return ""
    except urllib.error.HTTPError as error:
        return error.read().decode(errors="replace").strip()
    except OSError as error:
        return str(getattr(error, "reason", error))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
