"""The image's health check: does this process answer, and do the records that wait move? Standard library only."""

import os
import socket
import sys

REQUEST = b"GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n"


def main() -> str | None:
    """What is wrong, or nothing."""
    try:
        with socket.create_connection(("127.0.0.1", int(os.environ.get("PORT", "8080"))), timeout=4) as connection:
            connection.sendall(REQUEST)
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
    except OSError as error:
        return f"no answer: {error}"
    head, _, body = answer.partition(b"\r\n\r\n")
    return None if b" 200 " in head.split(b"\r\n")[0] else body.decode(errors="replace")


sys.exit(main())
