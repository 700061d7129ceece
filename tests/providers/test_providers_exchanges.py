"""Every answer belongs to its own request, whatever servers and callers do with the connections."""

import asyncio
import random
from collections.abc import Callable

import pytest
import uvloop
from raw_server import CHUNKED, Exchange, RawServer, asking, bearer, chunk, playing, saying, whole

from steadyhand.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from steadyhand.providers.transport import Limits, Reply, Transport
from steadyhand.types.model import Provider

REQUESTS = 2_000
AT_ONCE = 64


class Unreliable:
    """Echoes the request's body in many ways, and often fails to. Counts the whole answers it gave."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    async def __call__(self, exchange: Exchange) -> None:
        filler = exchange.body + b"." * self._chance.choice((0, 0, 500, 70_000))
        await (self._answer if self._chance.random() < 0.6 else self._fail)(exchange, filler)

    async def _answer(self, exchange: Exchange, said: bytes) -> None:
        match self._chance.randrange(6):
            case 0:
                await exchange.say(whole(said, extra="connection: close\r\n"))
                exchange.hang_up()
            case 1:
                await exchange.say(whole(said))
                exchange.hang_up()  # an idle connection, unannounced
            case 2:
                await asyncio.sleep(self._chance.random() * 0.02)
                await exchange.say(whole(said))
            case 3:
                await exchange.say(CHUNKED, chunk(said[:5]), chunk(said[5:]), b"0\r\n\r\n", pause_s=0.001)
            case 4:
                await exchange.say(whole(said) + b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad")  # too much
            case _:
                await exchange.say(whole(said))

    async def _fail(self, exchange: Exchange, said: bytes) -> None:
        match self._chance.randrange(5):
            case 0:
                exchange.hang_up()  # without a word
            case 1:
                exchange.reset()
            case 2:
                await exchange.say(whole(said)[: self._chance.randrange(1, 120)])
                exchange.hang_up()
            case 3:
                await exchange.say(CHUNKED, chunk(said), pause_s=self._chance.random() * 0.004)
                exchange.hang_up()
            case _:
                await exchange.say(whole(said, "500 Oops"))


class Callers:
    """Many callers at once; some lose patience, some read only the beginning."""

    def __init__(self, transport: Transport, provider: Provider, chance: random.Random) -> None:
        self.transport, self.provider, self.chance = transport, provider, chance
        self.left, self.right, self.wrong = REQUESTS, 0, 0

    async def call(self) -> None:
        while self.left > 0:
            self.left -= 1
            mine = b'{"id": %d}' % self.left
            task = asyncio.ensure_future(self._ask(mine))
            if self.chance.random() < 0.1:
                await asyncio.sleep(self.chance.random() * 0.01)
                task.cancel()
            try:
                await task
            except (ProviderError, asyncio.CancelledError):
                continue

    async def _ask(self, mine: bytes) -> None:
        is_streamed, is_hasty = self.chance.random() < 0.5, self.chance.random() < 0.1
        if is_streamed:
            reply = await self.transport.open(self.provider, asking(mine), authorize=bearer, timeout_s=5)
            said = await self._read(reply, is_hasty)
        else:
            _, _, said = await self.transport.unary(self.provider, asking(mine), authorize=bearer, timeout_s=5)
        if said.rstrip(b".") in (mine, mine[: len(said)] if is_hasty else mine):
            self.right += 1
        else:
            self.wrong += 1

    async def _read(self, reply: Reply, is_hasty: bool) -> bytes:
        try:
            said = await reply.read()
            while not is_hasty and (more := await reply.read()):
                said += more
            return said
        finally:
            reply.close(is_done=self.chance.random() < 0.3)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_every_answer_belongs_to_its_request(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def play() -> Callers:
        chance = random.Random(7)
        async with playing(Unreliable(chance)) as server:
            transport = Transport(Limits(connections_per_host=40, idle_s=1))
            callers = Callers(transport, server.provider(), chance)
            await asyncio.gather(*(callers.call() for _ in range(AT_ONCE)))
            await transport.close()
            return callers

    with asyncio.Runner(loop_factory=new_loop) as runner:
        callers = runner.run(play())
    assert callers.wrong == 0
    assert callers.right > REQUESTS / 3


async def test_a_connection_is_used_again_after_a_whole_answer_and_after_an_error() -> None:
    answers = [whole(b"1"), whole(b"2", "429 Slow down"), CHUNKED + chunk(b"3") + b"0\r\n\r\n", whole(b"4")]

    async def play(exchange: Exchange) -> None:
        await exchange.say(answers[exchange.turn])

    async with playing(play) as server:
        transport = Transport()
        bodies = [(await ask(transport, server.provider()))[1] for _ in answers]
        await transport.close()
    assert bodies == [b"1", b"2", b"3", b"4"]
    assert server.connections == 1


async def test_an_answer_with_more_behind_it_spoils_only_its_connection() -> None:
    async with playing(saying(whole(b"mine") + whole(b"whose?"))) as server:
        transport = Transport()
        assert [(await ask(transport, server.provider()))[1] for _ in range(3)] == [b"mine"] * 3
        await transport.close()
    assert server.connections == 3


async def test_what_comes_on_an_idle_connection_is_nobodys_answer() -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.say(whole(b"mine"), whole(b"whose?"), pause_s=0.02)

    async with playing(play) as server:
        transport = Transport()
        for _ in range(2):
            assert await ask(transport, server.provider()) == (200, b"mine")
            await asyncio.sleep(0.05)
        await transport.close()
    assert server.connections == 2


async def test_a_connection_that_died_idle_costs_nothing() -> None:
    """The server closes just as the second request comes: nothing was answered, so it is sent again, once."""

    async def play(exchange: Exchange) -> None:
        if exchange.turn:
            exchange.hang_up()
        else:
            await exchange.say(whole(exchange.body))

    async with playing(play) as server:
        transport = Transport()
        for body in (b"1", b"2", b"3"):
            assert await ask(transport, server.provider(), body) == (200, body)
        await transport.close()
    assert server.connections == 3
    assert len(server.heads) == 5


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab"])
async def test_a_request_that_may_have_been_served_is_not_sent_twice(first: bytes) -> None:
    """On a fresh connection a close without a word may be a crash over this very request; a byte is an answer."""

    async def play(exchange: Exchange) -> None:
        if first and not exchange.turn:
            await exchange.say(whole(b"ok"))
        else:
            await exchange.say(first)
            exchange.hang_up()

    async with playing(play) as server:
        transport = Transport()
        if first:
            await ask(transport, server.provider())
        with pytest.raises(ProviderUnavailable):
            await ask(transport, server.provider())
        await transport.close()
    assert len(server.heads) == (2 if first else 1)


async def test_a_request_that_timed_out_on_a_used_connection_is_not_sent_again() -> None:
    async def play(exchange: Exchange) -> None:
        if exchange.turn:
            await asyncio.Event().wait()
        await exchange.say(whole(b"ok"))

    async with playing(play) as server:
        transport = Transport()
        await ask(transport, server.provider())
        with pytest.raises(ProviderTimeout):
            await ask(transport, server.provider(), timeout_s=0.1)
        await asyncio.wait_for(server.gone.wait(), 5)
        await transport.close()
    assert len(server.heads) == 2


async def test_callers_wait_their_turn_when_all_connections_are_in_use() -> None:
    busy = 0
    most = 0

    async def play(exchange: Exchange) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.005)
        busy -= 1
        await exchange.say(whole(exchange.body))

    async with playing(play) as server:
        transport = Transport(Limits(connections_per_host=3))
        calls = [ask(transport, server.provider(), b"%d" % number) for number in range(30)]
        assert [body for _, body in await asyncio.gather(*calls)] == [b"%d" % number for number in range(30)]
        await transport.close()
    assert most == 3
    assert server.connections == 3


async def test_a_caller_waits_no_longer_than_its_time_and_its_place_goes_to_the_next() -> None:
    go_on = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await go_on.wait()
        await exchange.say(whole(exchange.body))

    async with playing(play) as server:
        transport = Transport(Limits(connections_per_host=1))
        first = asyncio.create_task(ask(transport, server.provider(), b"first"))
        await asyncio.sleep(0.02)
        cancelled = asyncio.create_task(ask(transport, server.provider(), b"cancelled"))
        second = asyncio.create_task(ask(transport, server.provider(), b"second"))
        with pytest.raises(ProviderTimeout, match="all 1 are in use"):
            await ask(transport, server.provider(), b"late", timeout_s=0.05)
        cancelled.cancel()
        go_on.set()
        assert [(await first)[1], (await second)[1]] == [b"first", b"second"]
        await transport.close()
    assert server.connections == 1


@pytest.mark.parametrize("rounds", range(6))
@pytest.mark.parametrize("extra", ["", "connection: close\r\n"])
async def test_what_is_given_to_a_caller_who_leaves_in_that_moment_goes_to_the_next(
    rounds: int, extra: str
) -> None:
    """The second caller is cancelled so many rounds of the loop after the first one's answer was written."""
    leaving: list[asyncio.Task[object]] = []

    def leave(left: int) -> None:
        if left:
            asyncio.get_running_loop().call_soon(leave, left - 1)
        elif leaving:
            leaving.pop().cancel()

    async def play(exchange: Exchange) -> None:
        await asyncio.sleep(0.02)
        exchange.writer.write(whole(b"ok", extra=extra))
        leave(rounds)

    async with playing(play) as server:
        transport = Transport(Limits(connections_per_host=1))
        first, second, third = (asyncio.create_task(ask(transport, server.provider())) for _ in range(3))
        await asyncio.sleep(0.01)
        leaving.append(second)
        assert await asyncio.gather(first, third) == [(200, b"ok")] * 2
        assert await ask(transport, server.provider()) == (200, b"ok")
        await transport.close()


async def test_a_server_that_hangs_up_on_everybody_uses_up_no_connections() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listening:
        transport = Transport(Limits(connections_per_host=1))
        provider = RawServer(saying(), listening.sockets[0].getsockname()[1]).provider()
        for _ in range(10):
            with pytest.raises(ProviderUnavailable):
                await ask(transport, provider)
        await transport.close()


async def test_a_connection_the_server_will_close_is_not_used_again() -> None:
    async with playing(saying(whole(b"ok", extra="connection: close\r\n"))) as server:
        transport = Transport()
        for _ in range(3):
            await ask(transport, server.provider())
        assert len(server.heads) == 3
        await transport.close()
    assert server.connections == 3


async def test_a_connection_nobody_uses_is_closed_after_a_while() -> None:
    async with playing(saying(whole(b"ok"))) as server:
        transport = Transport(Limits(kept_s=0.05))
        await ask(transport, server.provider())
        assert server.open
        async with asyncio.timeout(5):
            while server.open:
                await asyncio.sleep(0.01)
        await ask(transport, server.provider())
        await transport.close()
    assert server.connections == 2


async def test_no_more_connections_are_kept_than_allowed() -> None:
    async def play(exchange: Exchange) -> None:
        await asyncio.sleep(0.02)
        await exchange.say(whole(b"ok"))

    async with playing(play) as server:
        transport = Transport(Limits(kept_per_host=2))
        await asyncio.gather(*(ask(transport, server.provider()) for _ in range(6)))
        async with asyncio.timeout(5):
            while len(server.open) > 2:
                await asyncio.sleep(0.01)
        await transport.close()
    assert server.connections == 6


async def test_a_reader_that_is_done_leaves_the_connection_a_moment_to_become_free() -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.say(CHUNKED + chunk(b"data: [DONE]\n\n"), chunk(b": bye\n\n"), b"0\r\n\r\n", pause_s=0.02)

    async with playing(play) as server:
        transport = Transport()
        for _ in range(2):
            reply = await transport.open(server.provider(), asking(), authorize=bearer, timeout_s=5)
            assert await reply.read() == b"data: [DONE]\n\n"
            reply.close(is_done=True)
            await asyncio.sleep(0.15)
        await transport.close()
    assert server.connections == 1


async def test_a_reader_that_is_done_does_not_wait_for_a_stream_that_never_ends() -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.say(CHUNKED + chunk(b"data: [DONE]\n\n"))
        await asyncio.Event().wait()

    async with playing(play) as server:
        transport = Transport()
        reply = await transport.open(server.provider(), asking(), authorize=bearer, timeout_s=5)
        await reply.read()
        reply.close(is_done=True)
        await asyncio.wait_for(server.gone.wait(), 5)
        await transport.close()


async def ask(
    transport: Transport, provider: Provider, body: bytes = b"{}", timeout_s: float = 5.0
) -> tuple[int, bytes]:
    status, _, said = await transport.unary(provider, asking(body), authorize=bearer, timeout_s=timeout_s)
    return status, said
