"""Sockets that the guard agrees to: here the address is the final one, whatever name or spelling led to it (SG4)."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from services.validation.rules.guard import Blocked, Guard


def guarded_sockets(guard: Guard, *ports: int) -> Callable[[Any], socket.socket]:
    """What aiohttp makes its sockets with."""

    def make(info: Any) -> socket.socket:
        family, kind, protocol, _, (address, port, *_) = info
        refused = guard.why_refused(address)
        if refused or port not in ports:
            raise Blocked(f"{address} port {port} is not connected to: {refused or 'the port is not one of ours'}")
        return socket.socket(family, kind, protocol)

    return make


async def connect(guard: Guard, address: str, port: int) -> socket.socket:
    """A connected socket to one address; the caller times it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = guarded_sockets(guard, port)((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)))
    made.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return made
