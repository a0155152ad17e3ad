from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import Database, utcnow


def database(request: Request) -> Database:
    db: Database = request.app.state.db
    return db


async def transaction(request: Request) -> AsyncIterator[AsyncSession]:
    async with database(request).transaction() as tx:
        tx.info["traceparent"] = request.headers.get("traceparent")
        yield tx


# scope="function": the commit comes before the answer leaves, else a failing commit follows a 201.
Tx = Annotated[AsyncSession, Depends(transaction, scope="function")]


def now() -> datetime:
    return utcnow()
