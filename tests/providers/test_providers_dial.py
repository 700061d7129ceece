"""Hosts with several addresses, of which some lead nowhere."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from steadyhand.providers.dial import Address, dialled, first_to_answer


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def silent() -> Iterator[Address]:
    """An address whose connections never stand: as many as may wait to be accepted already do."""
    with ExitStack() as sockets:
        server = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield address_of(server)


@pytest.fixture
def closed() -> Address:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return address_of(server)


def address_of(server: socket.socket) -> Address:
    return socket.AF_INET, socket.SOCK_STREAM, 0, "", server.getsockname()


async def test_the_first_address_that_answers_is_taken(
    listening: socket.socket, silent: Address, closed: Address
) -> None:
    for addresses in ([silent, closed, address_of(listening)], [closed, address_of(listening), silent]):
        async with asyncio.timeout(5):
            made = await first_to_answer(addresses)
        assert made.getpeername() == listening.getsockname()
        made.close()


async def test_only_one_connection_is_made_where_the_first_answers(listening: socket.socket) -> None:
    made = await first_to_answer([address_of(listening)] * 3)
    listening.settimeout(0.1)
    listening.accept()[0].close()
    with pytest.raises(TimeoutError):
        listening.accept()
    made.close()


async def test_when_none_answers_the_last_ones_reason_is_told(closed: Address) -> None:
    for count in (1, 3):
        with pytest.raises(ConnectionRefusedError):
            await first_to_answer([closed] * count)


async def test_a_caller_who_gives_up_leaves_nothing_behind(silent: Address) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.4):
            await first_to_answer([silent, silent])
    await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if "_connected" in repr(task)] == []


async def test_a_name_is_looked_up(listening: socket.socket) -> None:
    made = await dialled("localhost", listening.getsockname()[1])
    assert made.getpeername()[1] == listening.getsockname()[1]
    made.close()


@pytest.mark.parametrize("name", ["a" * 70, "no.such.host.invalid"])
async def test_a_name_that_is_none_is_an_error(name: str) -> None:
    with pytest.raises((OSError, ValueError)):
        await dialled(name, 80)
