"""Our own programs, run as an operator runs them: `python -m services …` with nothing but settings."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]


def bare(environment: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ISSUARY_")}
    return {**inherited, **environment}


async def command(environment: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    """Its answer, and all that it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services", *arguments, cwd=ROOT, env=bare(environment),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), 150)
    return process.returncode or 0, said.decode()


@dataclass
class Running:
    process: asyncio.subprocess.Process
    origin: str
    log: Path

    def said(self) -> str:
        return self.log.read_text()

    async def get(self, path: str) -> httpx.Response | None:
        async with httpx.AsyncClient(base_url=self.origin, timeout=5) as http:
            try:
                return await http.get(path)
            except httpx.TransportError:
                return None

    async def ready(self, within: float = 150) -> None:
        answer, until = await self.get("/health/ready"), time.monotonic() + within
        while answer is None or answer.status_code != 200:
            assert self.process.returncode is None, self.said()
            assert time.monotonic() < until, f"{answer and answer.text}\n{self.said()}"
            await asyncio.sleep(0.2)
            answer = await self.get("/health/ready")


@asynccontextmanager
async def running(
    environment: Mapping[str, str], port: int, log: Path, *services: str, program: Sequence[str] = ("-m", "services")
) -> AsyncIterator[Running]:
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *program, *services, cwd=ROOT, env=bare({**environment, "PORT": str(port)}),
            stdout=stream, stderr=stream,
        )  # fmt: skip
    try:
        yield Running(process, f"http://127.0.0.1:{port}", log)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 20)
            except TimeoutError:
                process.kill()
                await process.wait()
