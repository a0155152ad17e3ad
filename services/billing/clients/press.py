"""Documents are printed by a child process of the lowest priority: two hundred orders a second would otherwise spend
two cores on their invoices while the next orders wait. It ends with its parent, whose pipe it reads."""

import asyncio
import contextlib
import json
import os
import struct
import sys
from typing import Any, cast

SIZE = struct.Struct(">?I")  # well or not, and the length of what follows
PRINT_WITHIN = 60.0
LOWEST = 19
REST_AFTER = 60.0  # seconds without a document: the typesetter keeps some 65 MB as long as it runs


class Unprintable(Exception):
    """The renderer's own words."""


class Press:
    """Started with the first document, ended when there is none for a while, and started again with the next."""

    def __init__(self, rest_after: float = REST_AFTER) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._one = asyncio.Lock()
        self._rest_after = rest_after
        self._rest: asyncio.TimerHandle | None = None

    async def print(self, paper: Any) -> bytes:
        """Raises Unprintable, or TimeoutError; either way the next document is printed."""
        async with self._one:
            self._stay()
            try:
                async with asyncio.timeout(PRINT_WITHIN):
                    return await self._ask(json.dumps(paper).encode())
            except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
                await self.close()
                raise Unprintable(f"the press ended or hung: {type(error).__name__}") from error
            finally:
                self._rest = asyncio.get_running_loop().call_later(self._rest_after, self._end)

    def _stay(self) -> None:
        if self._rest is not None:
            self._rest.cancel()

    def _end(self) -> None:
        """The child reads its pipe to the end, and then ends by itself."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()

    async def _ask(self, paper: bytes) -> bytes:
        process = await self._running()
        stdin, stdout = cast(asyncio.StreamWriter, process.stdin), cast(asyncio.StreamReader, process.stdout)
        stdin.write(SIZE.pack(True, len(paper)) + paper)
        await stdin.drain()
        well, size = SIZE.unpack(await stdout.readexactly(SIZE.size))
        answer = await stdout.readexactly(size)
        if not well:
            raise Unprintable(answer.decode(errors="replace"))
        return answer

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            command = (sys.executable, "-m", __name__)
            pipe = asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        return self._process

    async def close(self) -> None:
        self._stay()
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


def serve() -> None:
    # the parent never loads the typesetter
    from services.billing.clients.pdf import render  # noqa: PLC0415

    with contextlib.suppress(OSError):
        os.nice(LOWEST)
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    while head := stdin.read(SIZE.size):
        paper = json.loads(stdin.read(SIZE.unpack(head)[1]))
        try:
            well, answer = True, render(paper)
        except Exception as error:
            well, answer = False, f"{type(error).__name__}: {error}".encode()
        stdout.write(SIZE.pack(well, len(answer)) + answer)
        stdout.flush()


if __name__ == "__main__":
    serve()
