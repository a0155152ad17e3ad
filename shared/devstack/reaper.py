"""python -m shared.devstack.reaper LABEL=VALUE: when its parent has ended, removes what has that label."""

import sys
from contextlib import suppress

from docker.errors import APIError
from testcontainers.core.docker_client import DockerClient


def reap(label: str) -> None:
    client = DockerClient().client
    for container in client.containers.list(all=True, filters={"label": label}):
        with suppress(APIError):  # the run itself may have removed it meanwhile
            container.remove(force=True, v=True)
    for network in client.networks.list(filters={"label": label}):
        with suppress(APIError):
            network.remove()


if __name__ == "__main__":
    sys.stdin.buffer.read()  # nobody writes: it ends when the last holder of the other end does
    reap(sys.argv[1])
