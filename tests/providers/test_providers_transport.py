"""What servers do wrong, and what callers are told: the same for our own client and through a proxy."""

import asyncio
import logging
import shutil
import ssl
import subprocess
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from raw_server import CHUNKED, Exchange, Play, RawServer, asking, bearer, chunk, playing, saying, whole

from steadyhand.errors import ProviderError, ProviderProtocol, ProviderRefused, ProviderTimeout, ProviderUnavailable
from steadyhand.providers.secrets import Secrets
from steadyhand.providers.transport import Limits, Reply, Transport
from steadyhand.types.model import Provider

KEY = "topsecret-0123456789-abcdef"
LIMITS = Limits(body_bytes=100_000, head_bytes=20_000)


@pytest.fixture(params=["direct", "proxied"])
def is_proxied(request: pytest.FixtureRequest) -> bool:
    return request.param == "proxied"


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    opened = Transport(LIMITS, secrets=Secrets(lambda variable: KEY))
    yield opened
    await opened.close()


@pytest.fixture
async def impatient() -> AsyncIterator[Transport]:
    opened = Transport(replace(LIMITS, first_byte_s=0.3, idle_s=0.3), secrets=Secrets(lambda variable: KEY))
    yield opened
    await opened.close()


async def ask(transport: Transport, provider: Provider, timeout_s: float = 5.0) -> tuple[int, bytes]:
    status, _, body = await transport.unary(provider, asking(), authorize=bearer, timeout_s=timeout_s)
    return status, body


async def begin(transport: Transport, provider: Provider, timeout_s: float = 5.0) -> Reply:
    return await transport.open(provider, asking(), authorize=bearer, timeout_s=timeout_s)


GOOD = {
    "with a length": whole(b"hello"),
    "without a body": whole(b""),
    "with an error": whole(b"hello", "500 Internal Server Error"),
    "with a status without a reason": b"HTTP/1.1 200\r\ncontent-length: 5\r\n\r\nhello",
    "in chunks": CHUNKED + chunk(b"he") + chunk(b"llo") + b"0\r\n\r\n",
    "in chunks with an extension": CHUNKED + b"5;a=b\r\nhello\r\n0\r\n\r\n",
    "in chunks with trailers": CHUNKED + chunk(b"hello") + b"0\r\nx-checksum: 1\r\nstatus: 500\r\n\r\n",
    "after 100": b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\n" + whole(b"hello"),
    "after 103": b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + whole(b"hello"),
    "said to be as it is": whole(b"hello", extra="content-encoding: identity\r\n"),
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("is_dripping", [False, True])
async def test_an_answer_is_read_however_it_is_framed(
    transport: Transport, is_proxied: bool, name: str, is_dripping: bool
) -> None:
    sent = [bytes([byte]) for byte in GOOD[name]] if is_dripping else [GOOD[name]]
    async with playing(saying(*sent)) as server:
        provider = server.provider(is_proxied=is_proxied)
        for _ in range(2):
            status, body = await ask(transport, provider)
            assert status == (500 if "error" in name else 204 if name == "204" else 200)
            assert body == (b"" if name in {"without a body", "204"} else b"hello")
    assert server.connections == 1


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\nconnection: close\r\n"])
async def test_an_answer_without_a_length_ends_with_the_connection(
    transport: Transport, is_proxied: bool, head: bytes
) -> None:
    async with playing(saying(head + b"\r\n", b"hel", b"lo", pause_s=0.01, then_close=True)) as server:
        assert await ask(transport, server.provider(is_proxied=is_proxied)) == (200, b"hello")


async def test_headers_have_small_names_and_tell_a_stream_from_a_whole_answer(
    transport: Transport, is_proxied: bool
) -> None:
    answers = {
        "text/event-stream; charset=utf-8": True,
        "application/x-ndjson": True,
        "application/vnd.amazon.eventstream": True,
        "application/json": False,
    }
    kinds = iter(answers)

    async def play(exchange: Exchange) -> None:
        await exchange.say(whole(b"x", content_type=next(kinds), extra="X-Request-ID: 7\r\n"))

    async with playing(play) as server:
        for is_stream in answers.values():
            reply = await begin(transport, server.provider(is_proxied=is_proxied))
            assert (reply.is_stream, reply.headers["x-request-id"]) == (is_stream, "7")
            assert await reply.body() == b"x"
            reply.close()
            reply.close()


async def test_a_failed_stream_is_no_stream(transport: Transport, is_proxied: bool) -> None:
    async with playing(saying(whole(b"x", "500 Oops", content_type="text/event-stream"))) as server:
        reply = await begin(transport, server.provider(is_proxied=is_proxied))
        assert not reply.is_stream
        reply.close()


async def test_a_stream_is_read_as_it_comes(transport: Transport, is_proxied: bool) -> None:
    may_go_on = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.say(CHUNKED, chunk(b"one"))
        await may_go_on.wait()
        await exchange.say(chunk(b"two"), b"0\r\n\r\n")

    async with playing(play) as server:
        reply = await begin(transport, server.provider(is_proxied=is_proxied))
        assert await reply.read() == b"one"
        may_go_on.set()
        assert await reply.read() == b"two"
        assert await reply.read() == b""
        assert await reply.read() == b""
        reply.close()


async def test_a_limit_comes_with_its_headers(transport: Transport, is_proxied: bool) -> None:
    async with playing(saying(whole(b"{}", "429 Slow down", extra="Retry-After: 7\r\n"))) as server:
        status, headers, _ = await transport.unary(
            server.provider(is_proxied=is_proxied), asking(), authorize=bearer, timeout_s=5
        )
    assert (status, headers["retry-after"]) == (429, "7")


BROKEN = {
    "before the head": b"",
    "in the head": b"HTTP/1.1 200 OK\r\ncontent-le",
    "in the body": whole(b"hello")[:-2],
    "before a longer body": whole(b"hello").replace(b"content-length: 5", b"content-length: 50"),
    "in the size of a chunk": CHUNKED + b"5",
    "in a chunk": CHUNKED + b"5\r\nhel",
    "between chunks": CHUNKED + chunk(b"hello"),
    "before the last line": CHUNKED + chunk(b"hello") + b"0\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("is_reset", [False, True])
async def test_a_broken_connection_is_never_an_answer(
    transport: Transport, is_proxied: bool, name: str, is_reset: bool
) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.say(BROKEN[name], pause_s=0.02)
        exchange.reset() if is_reset else exchange.hang_up()

    async with playing(play) as server:
        with pytest.raises(ProviderUnavailable, match=str(server.port)):
            await ask(transport, server.provider(is_proxied=is_proxied))


async def test_what_came_before_a_break_is_read_first(transport: Transport) -> None:
    async with playing(saying(CHUNKED + chunk(b"half"), then_close=True)) as server:
        reply = await begin(transport, server.provider())
        assert await reply.read() == b"half"
        for _ in range(2):
            with pytest.raises(ProviderUnavailable, match="broke off"):
                await reply.read()
        reply.close()


NONSENSE = {
    "a banner": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a page without a head": b"<html>go away</html>\r\n\r\n",
    "binary": bytes(range(256)),
    "a status that is none": b"HTTP/1.1 OK 200\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\nhello",
    "a length that is none": b"HTTP/1.1 200 OK\r\ncontent-length: five\r\n\r\nhello",
    "a header that is none": b"HTTP/1.1 200 OK\r\nwhat is this\r\ncontent-length: 5\r\n\r\nhello",
    "another protocol": b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    "endless headers": b"HTTP/1.1 200 OK\r\n" + b"x-y: zzzzzzzzzzzzzzzz\r\n" * 20_000,
    "an endless header": b"HTTP/1.1 200 OK\r\nx: " + b"z" * 500_000,
}


@pytest.mark.parametrize("name", NONSENSE)
async def test_what_is_not_http_is_said_to_be_so(transport: Transport, name: str) -> None:
    async with playing(saying(NONSENSE[name])) as server:
        with pytest.raises(ProviderProtocol, match=r"expected (HTTP of|headers of at most 20000 bytes)"):
            await ask(transport, server.provider())
        assert await recovered(transport, server)


@pytest.mark.parametrize("name", NONSENSE)
async def test_what_is_not_http_is_no_answer_through_a_proxy_either(impatient: Transport, name: str) -> None:
    async with playing(saying(NONSENSE[name], then_close=True)) as server:
        with pytest.raises((ProviderProtocol, ProviderUnavailable, ProviderTimeout)):
            await ask(impatient, server.provider(is_proxied=True))


async def recovered(transport: Transport, server: RawServer) -> bool:
    """Is the next answer a good one?"""
    server.play = saying(whole(b"fine"))
    return await ask(transport, server.provider()) == (200, b"fine")


async def test_a_chunk_that_is_none_breaks_the_answer(transport: Transport, is_proxied: bool) -> None:
    async with playing(saying(CHUNKED + b"nonsense\r\n")) as server:
        with pytest.raises((ProviderProtocol, ProviderUnavailable)):
            await ask(transport, server.provider(is_proxied=is_proxied))


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_an_answer_larger_than_allowed_is_given_up(
    transport: Transport, is_proxied: bool, is_chunked: bool
) -> None:
    size = LIMITS.body_bytes + 20_000
    sent = [CHUNKED, *[chunk(b"x" * 1000)] * (size // 1000), b"0\r\n\r\n"] if is_chunked else [whole(b"x" * size)]
    async with playing(saying(*sent)) as server:
        with pytest.raises(ProviderProtocol, match="at most 100000 bytes"):
            await ask(transport, server.provider(is_proxied=is_proxied))


@pytest.mark.parametrize("coding", ["gzip", "br"])
async def test_a_compressed_answer_is_refused_clearly(transport: Transport, is_proxied: bool, coding: str) -> None:
    async with playing(saying(whole(b"\x1f\x8b1234", extra=f"Content-Encoding: {coding}\r\n"))) as server:
        with pytest.raises(ProviderProtocol, match=rf"without compression.*{coding}") as raised:
            await ask(transport, server.provider(is_proxied=is_proxied))
        assert "accept-encoding: identity" in server.heads[0].lower()
    assert "identity" in raised.value.hint


HANGING = {
    "before the head": b"",
    "in the head": b"HTTP/1.1 200 OK\r\ncontent",
    "before the body": CHUNKED,
    "in the body": CHUNKED + chunk(b"half"),
}


@pytest.mark.parametrize("name", HANGING)
async def test_silence_is_given_up_and_the_server_let_go(impatient: Transport, is_proxied: bool, name: str) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.say(HANGING[name])
        await asyncio.Event().wait()

    async with playing(play) as server:
        with pytest.raises(ProviderTimeout, match="nothing came in time"):
            await ask(impatient, server.provider(is_proxied=is_proxied))
        await asyncio.wait_for(server.gone.wait(), 5)


async def test_a_slow_drip_may_last_as_long_as_its_time_and_no_longer(
    transport: Transport, is_proxied: bool
) -> None:
    drip = saying(CHUNKED, *[chunk(b"x")] * 50, b"0\r\n\r\n", pause_s=0.02)
    async with playing(drip) as server:
        provider = server.provider(is_proxied=is_proxied)
        assert await ask(transport, provider, timeout_s=20) == (200, b"x" * 50)
        with pytest.raises(ProviderTimeout):
            await ask(transport, provider, timeout_s=0.3)
        await asyncio.wait_for(server.gone.wait(), 5)


async def test_the_first_byte_may_be_awaited_longer_than_others(impatient: Transport, is_proxied: bool) -> None:
    async with playing(saying(CHUNKED, b"", chunk(b"late") + b"0\r\n\r\n", pause_s=0.25)) as server:
        reply = await impatient.open(
            server.provider(is_proxied=is_proxied), asking(), authorize=bearer, timeout_s=5, first_byte_s=4
        )
        assert await reply.body() == b"late"
        reply.close()


@pytest.mark.parametrize("name", HANGING)
async def test_a_cancelled_caller_lets_go_of_the_server(transport: Transport, is_proxied: bool, name: str) -> None:
    asked = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.say(HANGING[name])
        asked.set()
        await asyncio.Event().wait()

    async with playing(play) as server:
        call = asyncio.create_task(ask(transport, server.provider(is_proxied=is_proxied)))
        await asyncio.wait_for(asked.wait(), 5)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(server.gone.wait(), 5)


async def test_leaving_a_stream_early_stops_the_server(transport: Transport, is_proxied: bool) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.say(CHUNKED, *[chunk(b"x")] * 10_000, pause_s=0.005)

    async with playing(play) as server:
        provider = server.provider(is_proxied=is_proxied)
        reply = await transport.open(provider, asking(), authorize=bearer, timeout_s=30)
        assert await reply.read()
        reply.close()
        await asyncio.wait_for(server.gone.wait(), 5)


async def test_a_reader_that_takes_its_time_holds_the_server_back(is_proxied: bool) -> None:
    """Nothing is lost, the pause counts for no silence, and the server could not send all of it ahead."""
    sent = 0

    async def play(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.say(CHUNKED)
        for _ in range(400):
            await exchange.say(chunk(b"x" * 100_000))
            sent += 100_000
        await exchange.say(b"0\r\n\r\n")

    transport = Transport(Limits(idle_s=0.1))
    async with playing(play) as server:
        reply = await begin(transport, server.provider(is_proxied=is_proxied), timeout_s=60)
        read = len(await reply.read())
        await asyncio.sleep(0.3)
        assert sent < 20_000_000
        while data := await reply.read():
            read += len(data)
        reply.close()
    await transport.close()
    assert read == 40_000_000


async def test_a_reader_may_take_longer_than_the_server(is_proxied: bool) -> None:
    may_go_on = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.say(CHUNKED, chunk(b"one"), chunk(b"two"), pause_s=0.02)
        await may_go_on.wait()
        await exchange.say(chunk(b"three") + b"0\r\n\r\n")

    transport = Transport(Limits(idle_s=0.2))
    async with playing(play) as server:
        reply = await begin(transport, server.provider(is_proxied=is_proxied))
        assert [await reply.read(), await reply.read()] == [b"one", b"two"]
        await asyncio.sleep(0.4)
        may_go_on.set()
        assert await reply.body() == b"three"
        reply.close()
    await transport.close()


async def test_an_answer_nobody_reads_is_given_up_when_its_time_is_over(transport: Transport) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.say(CHUNKED, *[chunk(b"x")] * 5_000, pause_s=0.001)

    async with playing(play) as server:
        reply = await begin(transport, server.provider(), timeout_s=0.2)
        await asyncio.wait_for(server.gone.wait(), 5)
        assert await reply.read()
        with pytest.raises(ProviderTimeout):
            await reply.read()
        reply.close()


async def test_a_large_request_arrives_whole(transport: Transport, is_proxied: bool) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.say(whole(b"%d" % len(exchange.body)))

    async with playing(play) as server:
        _, _, body = await transport.unary(
            server.provider(is_proxied=is_proxied), asking(b"x" * 5_000_000), authorize=bearer, timeout_s=20
        )
    assert body == b"5000000"


async def test_an_early_refusal_of_a_large_request_is_heard_and_its_connection_not_used_again(
    transport: Transport,
) -> None:
    connections = 0

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(whole(b"too large", "413 Payload Too Large"))
        await asyncio.sleep(0.3)
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as listening:
        provider = RawServer(saying(), port_of(listening)).provider()
        for _ in range(2):
            status, _, body = await transport.unary(
                provider, asking(b"x" * 20_000_000), authorize=bearer, timeout_s=10
            )
            assert (status, body) == (413, b"too large")
    assert connections == 2


def port_of(listening: asyncio.Server) -> int:
    return int(listening.sockets[0].getsockname()[1])


async def test_a_server_that_is_not_there_is_unavailable(transport: Transport, is_proxied: bool) -> None:
    async with playing(saying()) as server:
        provider = server.provider(is_proxied=is_proxied)
    with pytest.raises(ProviderUnavailable, match=str(server.port)):
        await ask(transport, provider)


async def test_what_is_sent_is_what_was_asked_for_and_nothing_else(transport: Transport) -> None:
    async with playing(saying(whole(b"ok"))) as server:
        await ask(transport, server.provider(key_variable="K"))
        listing = replace(asking(b""), path="/models?limit=5", method="GET", headers={})
        await transport.unary(server.provider(), listing, authorize=bearer, timeout_s=5)
    posted, listed = (head.split("\r\n")[:-2] for head in server.heads)
    always = [f"host: 127.0.0.1:{server.port}", "user-agent: steadyhand", "accept-encoding: identity"]
    asked = ["content-type: application/json", f"authorization: Bearer {KEY}", "content-length: 2"]
    assert posted == ["POST /v1/chat/completions HTTP/1.1", *always, *asked]
    assert listed == ["GET /v1/models?limit=5 HTTP/1.1", *always]


async def test_a_path_is_sent_as_it_was_written(transport: Transport, is_proxied: bool) -> None:
    """A signature holds for these characters and no others that mean the same."""
    path = "/model/eu.x-v1%3A0/a%2Fb/con%76erse"
    async with playing(saying(whole(b"ok"))) as server:
        wire = replace(asking(), path=path)
        await transport.unary(server.provider(is_proxied=is_proxied), wire, authorize=bearer, timeout_s=5)
    assert server.heads[0].split()[1].endswith(f"/v1{path}")


async def test_a_redirect_is_not_followed(transport: Transport, is_proxied: bool) -> None:
    async with playing(saying(whole(b"ok"))) as elsewhere:
        moved = whole(b"", "307 Moved", extra=f"location: http://127.0.0.1:{elsewhere.port}/\r\n")
        async with playing(saying(moved)) as server:
            status, _ = await ask(transport, server.provider(is_proxied=is_proxied, key_variable="K"))
    assert (status, elsewhere.heads) == (307, [])


async def test_an_address_with_a_gap_is_refused_by_name(transport: Transport) -> None:
    provider = replace(RawServer(saying()).provider(), base_url="https://{resource}.example/v1")
    with pytest.raises(ProviderRefused, match="'resource' in its base_url") as raised:
        await ask(transport, provider)
    assert "[providers.test]" in raised.value.hint


@pytest.mark.parametrize(
    "address", ["", "ftp://127.0.0.1/v1", "http:///v1", "http://127.0.0.1:99999/v1", "http://["]
)
async def test_an_address_that_is_none_is_unavailable(transport: Transport, address: str) -> None:
    with pytest.raises(ProviderUnavailable, match="test at an http"):
        await ask(transport, replace(RawServer(saying()).provider(), base_url=address))


@pytest.mark.parametrize("value", ["a\r\nx-more: 1", "a\nb", "grüß", "a\x00b"])
async def test_a_header_stays_one_line_and_is_not_shown(transport: Transport, value: str) -> None:
    wire = asking(b"{}", **{"x-client": value})
    async with playing(saying(whole(b"ok"))) as server:
        with pytest.raises(ProviderRefused, match="header 'x-client' as a line") as raised:
            await transport.unary(server.provider(), wire, authorize=bearer, timeout_s=5)
    assert value not in str(raised.value)
    assert server.heads == []


async def test_closing_ends_what_is_under_way_and_what_is_idle(is_proxied: bool) -> None:
    transport = Transport(LIMITS)
    async with playing(saying(whole(b"ok"))) as server:
        provider = server.provider(is_proxied=is_proxied)
        await ask(transport, provider)
        server.play = saying(CHUNKED)
        reply = await begin(transport, provider)
        reading = asyncio.create_task(reply.read())
        await asyncio.sleep(0.01)
        await transport.close()
        with pytest.raises(ProviderError):
            await reading
        reply.close()
        async with asyncio.timeout(5):
            while server.open:
                await asyncio.sleep(0.01)


ECHOES: dict[str, Play] = {
    "in a whole error": saying(whole(f'{{"error": "bad key {KEY}"}}'.encode(), "401 Unauthorized")),
    "in chunks": saying(
        CHUNKED.replace(b"200 OK", b"401 No"), chunk(KEY[:9].encode()), chunk(KEY[9:].encode()), b"0\r\n\r\n"
    ),
    "instead of HTTP": saying(f"bad key {KEY}\r\n\r\n".encode()),
    "in the status": saying(f"HTTP/1.1 {KEY}\r\n\r\n".encode()),
    "in a header": saying(whole(b"", extra=f"content-encoding: {KEY}\r\n")),
    "before it breaks": saying(CHUNKED + b"fff\r\n" + KEY.encode(), then_close=True),
    "and then silence": saying(CHUNKED + chunk(KEY.encode())),
}


@pytest.mark.parametrize("name", ECHOES)
async def test_a_key_that_a_server_echoes_is_in_no_error_log_or_repr(
    impatient: Transport, is_proxied: bool, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with playing(ECHOES[name]) as server:
        provider = server.provider(is_proxied=is_proxied, key_variable="K")
        shown = repr(transport) + repr(vars(transport))
        try:
            shown += impatient.redacted(repr(await ask(impatient, provider, timeout_s=1)), provider)
        except ProviderError as error:
            shown += impatient.redacted(str(error), provider) + error.hint
            shown += "".join(traceback.format_exception(error)).replace(str(error), "")
        assert f"Bearer {KEY}" in server.heads[0]
    for part in (KEY, KEY[:12], KEY[-12:]):
        assert part not in shown + caplog.text


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For 127.0.0.1, signed by itself; the key lies in the same file."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl program is not here")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -keyout key.pem -out cert.pem"
    subject = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command.split(), *subject], cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return both


def tls_of(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_a_certificate_nobody_vouches_for_is_refused_before_the_key_is_sent(
    transport: Transport, certificate: Path
) -> None:
    async with playing(saying(whole(b"ok")), tls_of(certificate)) as server:
        with pytest.raises(ProviderUnavailable, match="trusted certificate") as raised:
            await ask(transport, server.provider(key_variable="K"))
    assert server.heads == []
    assert "SSL_CERT_FILE" in raised.value.hint


async def test_a_certificate_for_another_name_is_refused(
    transport: Transport, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with playing(saying(whole(b"ok")), tls_of(certificate)) as server:
        elsewhere = replace(server.provider(), base_url=f"https://localhost:{server.port}/v1")
        with pytest.raises(ProviderUnavailable, match="trusted certificate"):
            await ask(transport, elsewhere)
    assert server.heads == []


async def test_a_trusted_server_is_asked_over_one_connection(
    transport: Transport, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    sent = [CHUNKED, *[chunk(b"x" * 1000)] * 90, b"0\r\n\r\n"]
    async with playing(saying(*sent), tls_of(certificate)) as server:
        for _ in range(3):
            assert await ask(transport, server.provider()) == (200, b"x" * 90_000)
    assert server.connections == 1


async def test_a_slow_reader_holds_a_secure_server_back_and_loses_nothing(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    transport, read = Transport(), 0
    async with playing(saying(CHUNKED, *[chunk(b"x" * 100_000)] * 50, b"0\r\n\r\n"), tls_of(certificate)) as server:
        reply = await begin(transport, server.provider(), timeout_s=60)
        while data := await reply.read():
            read += len(data)
            await asyncio.sleep(0.002)
        reply.close()
    await transport.close()
    assert read == 5_000_000


async def test_a_plain_server_behind_an_https_address_is_unavailable(transport: Transport) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(whole(b"ok"))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as listening:
        address = f"https://127.0.0.1:{port_of(listening)}/v1"
        with pytest.raises(ProviderUnavailable, match="expected a connection"):
            await ask(transport, replace(RawServer(saying()).provider(), base_url=address))


async def test_a_proxy_gets_the_password_of_its_address_and_shows_it_to_nobody(transport: Transport) -> None:
    async with playing(saying(b"", then_close=True)) as server:
        proxy = f"http://me:hunter2@127.0.0.1:{server.port}"
        with pytest.raises(ProviderUnavailable) as raised:
            await ask(transport, replace(server.provider(), proxy=proxy))
        assert "proxy-authorization: basic" in server.heads[0].lower()
    assert "hunter2" not in str(raised.value)


async def test_a_secure_address_is_reached_through_a_tunnel(
    transport: Transport, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with playing(saying(whole(b"ok")), tls_of(certificate)) as server, tunnelling() as (port, asked):
        provider = replace(server.provider(key_variable="K"), proxy=f"http://127.0.0.1:{port}")
        assert await ask(transport, provider) == (200, b"ok")
    assert f"Bearer {KEY}" in server.heads[0]
    assert asked[0].startswith(f"CONNECT 127.0.0.1:{server.port} ")
    assert KEY not in asked[0]


@asynccontextmanager
async def tunnelling() -> AsyncIterator[tuple[int, list[str]]]:
    """An HTTP proxy that passes on what it cannot read."""
    asked: list[str] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(2**16):
            writer.write(data)
        writer.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        host, port = asked[-1].split()[1].split(":")
        onward = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await asyncio.gather(pump(reader, onward[1]), pump(onward[0], writer), return_exceptions=True)

    async with await asyncio.start_server(tunnel, "127.0.0.1", 0) as listening:
        yield port_of(listening), asked
