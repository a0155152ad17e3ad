"""A toy application, and how its answers are looked at."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
from fastapi import APIRouter, Form, Query, Request
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from sqlalchemy import text
from starlette.responses import RedirectResponse, Response

from shared.db import append, locked
from shared.errors import Conflict
from shared.ids import new_id
from shared.service import Service
from shared.web import Body, CsrfChecked, Once, PageUser, Tx, Who, start_session
from tests.shared.test_state import KEY
from tests.toy import Applied, Thing, Toy

API = "/services/v2/thing"
SECRET = "the-session-secret"
BROWSER = {"accept": "text/html,application/xhtml+xml"}


class ThingIn(Body):
    name: str | None = None
    refused: str | None = None


router = APIRouter()


@router.post(API)
async def create(body: ThingIn, tx: Tx, who: Who, once: Once) -> Response:
    async def make() -> dict[str, str]:
        if body.refused:
            raise Conflict(body.refused)
        event_id = new_id()
        append(tx, Applied, event_id=event_id, thing=1, version=1, name=body.name)
        return {"id": str(event_id)}

    return await once(tx, 201, make)


@router.get(API + "/{thing}")
async def show(thing: int, tx: Tx, who: Who, name: str = "", number: int = 0) -> dict[str, int]:
    await tx.execute(text("SELECT CAST(:name AS text), CAST(:number AS bigint)"), {"name": name, "number": number})
    return {"version": (await locked(tx, Thing, thing)).version}


@router.get("/crash")
async def crash(request: Request, code: Annotated[int, Query()] = 0) -> Response:
    raise ZeroDivisionError("a secret detail")


@router.post("/enter")
async def enter(request: Request) -> Response:
    answer = RedirectResponse("/form", 303)
    start_session(request, answer, 71)
    return answer


@router.get("/form")
async def form(request: Request, who: PageUser) -> Response:
    return Response(request.app.state.look.csrf(request))


@router.post("/form", dependencies=[CsrfChecked])
async def send(request: Request, who: PageUser, name: Annotated[str, Form()]) -> Response:
    return Response(name)


@asynccontextmanager
async def client(service: Service, key: str | None = KEY, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    given = {**headers, **({"X-DC-DEVKEY": key} if key else {})}
    transport = httpx.ASGITransport(service.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://toy.test", headers=given) as http:
        yield http


def refusal(answer: httpx.Response, status: int, code: str) -> str:
    """The one body of every refusal, and the sentence in it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    [error] = answer.json()["errors"]
    assert list(answer.json()) == ["errors"]
    assert set(error) == {"code", "message"}
    assert error["code"] == code
    assert error["message"].endswith(".")
    return str(error["message"])


async def applied(toy: Toy) -> int:
    return int(await toy.value("SELECT count(*) FROM applied"))


def forged(secret: str = SECRET, user: int = 71, age: float = 0, salt: str = "session") -> str:
    class Then(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(time.time() - age)

    made = URLSafeTimedSerializer(secret, salt=salt, signer=Then).dumps({"user": user})
    return made if isinstance(made, str) else made.decode()
