"""Billing's commands in a process of their own, as somebody at a terminal gives them."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process

from shared.migrate import ROOT
from shared.service import Service


async def start(service: Service, *arguments: str) -> Process:
    environment = {**os.environ, "ISSUARY_ENV": "dev", "ISSUARY_DATABASE_URL": service.settings.database_url}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services", "ctl", "billing", *arguments, cwd=ROOT, env=environment, stdout=PIPE,
        stderr=PIPE,
    )  # fmt: skip


async def shell(service: Service, *arguments: str) -> tuple[int | None, str, str]:
    """Its answer, what it said, and what it complained of."""
    process = await start(service, *arguments)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), err.decode()
