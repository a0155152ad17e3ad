"""Checks over HTTPS with mutual TLS, where a perspective has no Kafka: the primary posts the job, the answer is what
was seen (MP8)."""

import json
import logging
import os
import ssl
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

import httpx
from fastapi import FastAPI, Request
from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

from services.validation.clients.answering import Answerer
from shared.events.validation import CheckDone, CheckWanted

log = logging.getLogger(__name__)

PATH = "/checks"
LARGEST_ANSWER = 1_000_000


@dataclass(frozen=True)
class Identity:
    """PEM: who we are, and whose certificates we believe. Never the CAs of the system: not everybody may ask."""

    certificate: str
    key: str
    ca: str

    def asking(self) -> ssl.SSLContext:
        return self._showing(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))

    def answering(self) -> ssl.SSLContext:
        return self._showing(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))

    def _showing(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=self.ca)
        with os.fdopen(os.memfd_create("identity"), "w") as file:  # OpenSSL reads files only
            file.write(f"{self.certificate}\n{self.key}\n")
            file.flush()
            context.load_cert_chain(f"/proc/self/fd/{file.fileno()}", password=lambda: "")
        return context


class HttpsChannel:
    """The primary's end. A redirect is not followed, and the environment names no proxy."""

    def __init__(self, urls: Mapping[str, str], context: ssl.SSLContext) -> None:
        self.urls, self.names = urls, list(urls)
        self._client = httpx.AsyncClient(verify=context, trust_env=False, timeout=httpx.Timeout(20.0))

    async def ask(self, check: CheckWanted) -> Mapping[str, Awaitable[CheckDone]]:
        return {name: self._post(url, check) for name, url in self.urls.items()}

    async def _post(self, url: str, check: CheckWanted) -> CheckDone:
        body, headers = check.model_dump_json().encode(), {"Content-Type": "application/json"}
        try:
            async with self._client.stream("POST", url.rstrip("/") + PATH, content=body, headers=headers) as answer:
                text = await _limited(answer)
        except httpx.HTTPError as error:
            raise OSError(f"not reached: {type(error).__name__}") from error
        if answer.status_code != 200:
            raise OSError(f"answered with status {answer.status_code}")
        try:
            return CheckDone.model_validate_json(text)
        except ValidationError as error:
            raise OSError("its answer cannot be read") from error

    async def open(self) -> None:
        return None

    async def close(self) -> None:
        await self._client.aclose()


async def _limited(answer: httpx.Response) -> bytes:
    text = b""
    async for part in answer.aiter_bytes():
        text += part
        if len(text) > LARGEST_ANSWER:
            raise OSError(f"its answer is longer than {LARGEST_ANSWER} bytes")
    return text


def application(answerer: Answerer) -> FastAPI:
    """A perspective's end; behind a server that asks for a certificate of ours."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.post(PATH)
    async def check(request: Request) -> Response:
        try:
            wanted = CheckWanted.model_validate(json.loads(await request.body()))
        except ValueError:
            return JSONResponse({"fault": "a check that cannot be read"}, 400)
        if done := await answerer.answer(wanted):
            return Response(done.model_dump_json(), media_type="application/json")
        return JSONResponse({"fault": "the check is for others, or over"}, 410)

    return app
