import asyncio
import hashlib

import httpx

from services.notifications.rules import Undelivered

WHOLE_FETCH = 20.0


class Documents:
    """Fetches stored documents from billing. The key goes to that host only: no redirect, no proxy of the machine's."""

    def __init__(
        self,
        billing_url: str,
        service_key: str,
        seconds: float = WHOLE_FETCH,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        headers = {"X-DC-DEVKEY": service_key}
        self._http = httpx.AsyncClient(headers=headers, trust_env=False, timeout=seconds, transport=transport)
        self._origin, self._seconds = httpx.URL(billing_url), seconds

    async def fetch(self, path: str, size: int, sha256: str) -> bytes:
        try:
            async with asyncio.timeout(self._seconds):
                document = await self._read(self._address(path), size)
        except TimeoutError:
            raise Undelivered("Billing took too long to hand over the document.") from None
        except httpx.HTTPError as error:
            raise Undelivered(f"Billing does not answer: {type(error).__name__} {error}") from error
        if len(document) != size or hashlib.sha256(document).hexdigest() != sha256:
            raise Undelivered("The document that billing handed over is not the one it announced: its hash differs.")
        return document

    def _address(self, path: str) -> httpx.URL:
        return self._origin.copy_with(raw_path=b"/" + path.lstrip("/").encode())

    async def _read(self, address: httpx.URL, size: int) -> bytes:
        parts = bytearray()
        async with self._http.stream("GET", address) as answer:
            if answer.status_code != 200:
                raise Undelivered(f"Billing did not hand over the document: it answered {answer.status_code}.")
            async for part in answer.aiter_bytes():
                parts += part
                if len(parts) > size:
                    break
        return bytes(parts)

    async def close(self) -> None:
        await self._http.aclose()
