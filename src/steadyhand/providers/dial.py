"""A connected socket to a host that may have several addresses, of which some may lead nowhere.

The next address is tried before the one before it has failed, in turns of IPv6 and IPv4, and the first to answer
wins. Source: RFC 8305.
"""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any

Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]
"""One result of `getaddrinfo`."""

_HEAD_START_S = 0.25


async def dialled(host: str, port: int) -> socket.socket:
    """A socket connected to `host`. Raises `OSError`, or `ValueError` for a name that cannot be one."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return await first_to_answer(_in_turns(found))


async def first_to_answer(addresses: Sequence[Address]) -> socket.socket:
    """A socket connected to one of the addresses. Raises the last one's `OSError` when none answers."""
    if len(addresses) == 1:
        return await _connected(addresses[0])
    left = iter(addresses)
    calls: list[asyncio.Task[socket.socket]] = []
    winner = None
    try:
        while winner is None:
            address = next(left, None)
            if address is not None:
                calls.append(asyncio.create_task(_connected(address)))
            waiting = [call for call in calls if not call.done()]
            if not waiting:
                break
            head_start_s = None if address is None else _HEAD_START_S
            await asyncio.wait(waiting, timeout=head_start_s, return_when=asyncio.FIRST_COMPLETED)
            winner = next((call for call in calls if call.done() and call.exception() is None), None)
        return await (winner or calls[-1])
    finally:
        for call in calls:
            if call is not winner:
                call.cancel()
                call.add_done_callback(_hang_up)


async def _connected(address: Address) -> socket.socket:
    family, kind, protocol, _, where = address
    made = socket.socket(family, kind, protocol)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, where)
    except BaseException:
        made.close()
        raise
    return made


def _hang_up(call: "asyncio.Task[socket.socket]") -> None:
    """Another was faster."""
    if not call.cancelled() and call.exception() is None:
        call.result().close()


def _in_turns(addresses: Iterable[Address]) -> list[Address]:
    """The addresses in their order, one of each family after the other."""
    found = list(addresses)
    first = found[0][0] if found else socket.AF_INET
    same = [address for address in found if address[0] == first]
    other = [address for address in found if address[0] != first]
    return [address for address in chain(*zip_longest(same, other)) if address is not None]
