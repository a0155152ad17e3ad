"""Where the mails are that left: the folder of `make run`, or the mail sink of the containers."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

NEWEST = 100


@dataclass(frozen=True)
class Mail:
    where: str
    raw: bytes


@dataclass(frozen=True)
class Folder:
    directory: Path

    async def newest(self) -> list[Mail]:
        return await asyncio.to_thread(self._read)

    def _read(self) -> list[Mail]:
        paths = sorted(self.directory.glob("*.eml"), reverse=True)[:NEWEST]
        return [Mail(str(path), path.read_bytes()) for path in paths]


@dataclass(frozen=True)
class Mailpit:
    """`shown` is its address for a browser, `api` the one for us."""

    api: str
    shown: str
    _read: dict[str, Mail] = field(default_factory=dict)

    async def newest(self) -> list[Mail]:
        async with httpx.AsyncClient(base_url=self.api, timeout=20) as http:
            listed = (await http.get("/api/v1/messages")).raise_for_status().json()["messages"][:NEWEST]
            return [await self._mail(http, message) for message in listed]

    async def _mail(self, http: httpx.AsyncClient, message: dict[str, Any]) -> Mail:
        number = message["ID"]
        if number not in self._read:
            answer = (await http.get(f"/api/v1/message/{number}/raw")).raise_for_status()
            self._read[number] = Mail(f"{self.shown}/view/{number}", answer.content)
        return self._read[number]


Mails = Folder | Mailpit


def found_at(reached: str, shown: str) -> Mails:
    return Mailpit(reached, shown) if reached.startswith("http") else Folder(Path(reached))
