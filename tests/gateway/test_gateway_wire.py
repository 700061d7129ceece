"""However a request lies on the wire it is understood, or refused; nothing of it stays, and the next one is served."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from urllib.parse import urlsplit

import pytest
from faulty_vendor import Vendor
from gateway_house import House, housing, provider, question

from steadyhand.serve.joined import MAX_HEAD_BYTES

BODY = json.dumps(question("openai", "test:answers.1")).encode()
STREAM = json.dumps({**question("openai", "test:answers.1"), "stream": True}).encode()
CHUNKS = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY)
CHUNKED = b"transfer-encoding: chunked\r\n"
WHOLE = b"theta-7"
"""A word from the end of every good answer."""


@pytest.fixture(scope="module")
async def house(
    house_database: str, vendor: Vendor, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    settings = provider("test", "openai", vendor.base_url)
    async with housing(tmp_path_factory.mktemp("wire"), house_database, vendor, settings) as running:
        yield running


def request(house: House, body: bytes = BODY, *more: bytes, version: str = "1.1", path: str = "") -> bytes:
    """The bytes of a request; without a length when `more` says how long it is."""
    length = (
        ()
        if any(b"length" in line or b"chunked" in line for line in more)
        else (b"content-length: %d\r\n" % len(body),)
    )
    first = (
        f"POST {path or '/v1/chat/completions'} HTTP/{version}\r\nhost: h\r\nauthorization: Bearer {house.key}\r\n"
    )
    return b"".join([first.encode(), *length, *more, b"\r\n", body])


async def heard(house: House, pieces: Iterable[bytes], mark: bytes = b"", times: int = 1) -> bytes:
    """What comes back until the connection is closed, or until the mark came so many times."""
    where = urlsplit(house.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    said = b""
    try:
        async with asyncio.timeout(10):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            while not (mark and said.count(mark) >= times) and (more := await reader.read(65_536)):
                said += more
    except ConnectionError:
        pass  # it was closed while we were still talking
    finally:
        writer.close()
    return said


async def test_all_ways_of_sending_a_request_are_the_same(house: House) -> None:
    whole = request(house)
    for pieces in (
        [whole],
        [whole[at : at + 1] for at in range(len(whole))],
        [request(house, CHUNKS + b"0\r\n\r\n", CHUNKED)],
        [request(house, CHUNKS + b"0\r\nx-trailer: t\r\n\r\n", CHUNKED)],
        [request(house, BODY, version="1.0")],
        [request(house, BODY, b"connection: close\r\n")],
        [request(house, BODY, b"expect: 100-continue\r\n")],
        [request(house, BODY, b"x-long: " + b"y" * 50_000 + b"\r\n")],
        [request(house, BODY, path="/v1/chat/completions?api-version=1")],
        [request(house, STREAM)],
    ):
        said = await heard(house, pieces, WHOLE)
        assert b" 200 OK\r\n" in said
        assert WHOLE in said


async def test_requests_in_one_piece_are_answered_in_their_order(house: House) -> None:
    wrong = request(house, b"{")
    said = await heard(house, [(request(house) + request(house, STREAM) + wrong) * 3], b"invalid_request_error", 3)
    assert re.findall(rb"HTTP/1\.1 (\d+) ", said) == [b"200", b"200", b"400"] * 3
    assert said.count(WHOLE) == 6


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (BODY, [b"content-length: -3\r\n"]),
        (BODY, [b"content-length: 3\r\n", b"content-length: 4\r\n"]),
        (BODY, [b"content-length: 99999999999999999999999\r\n"]),
        (BODY, [b"content-length: 0x10\r\n"]),
        (CHUNKS, [CHUNKED, b"content-length: 5\r\n"]),
        (b"zz\r\n", [CHUNKED]),
        (BODY, [b"x-nothing: \x00\r\n"]),
        (BODY, [b"no colon\r\n"]),
    ],
)  # fmt: skip
async def test_what_is_no_http_is_refused_and_closed(house: House, body: bytes, more: list[bytes]) -> None:
    house.vendor.calls.clear()
    said = await heard(house, [request(house, body, *more)])
    assert said.startswith(b"HTTP/1.1 400 ")
    assert not house.vendor.calls


async def test_a_body_whose_end_never_comes_costs_no_call(house: House) -> None:
    house.vendor.calls.clear()
    where = urlsplit(house.url)
    _, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(request(house)[:-5])
    await writer.drain()
    writer.close()
    assert (await house.ask("openai", "test:answers.1")).status == 200
    assert house.vendor.calls == {"answers.1": 1}


@pytest.mark.parametrize(
    "begin",
    [
        b"POST /v1/x HTTP/1.1\r\nx-endless: ",
        b"POST /v1/x HTTP/1.1\r\n" + b"x-many: 1\r\n" * 1_000,
        b"POST /v1/",
        b"POST /v1/x HTTP/1.1\r\n" + CHUNKED + b"\r\n0\r\nx-endless: ",
    ],
    ids=["header", "headers", "address", "trailer"],
)
async def test_a_head_without_an_end_is_cut_off_without_a_key(house: House, begin: bytes) -> None:
    sent = 0

    def endless() -> Iterable[bytes]:
        nonlocal sent
        yield begin
        while True:
            sent += 10_000
            yield b"x-more: 1\r\n" * 1_000 if begin.endswith(b"\n") else b"y" * 10_000

    await heard(house, endless())
    assert sent < 100 * MAX_HEAD_BYTES
    assert (await house.ask("openai", "test:answers.1")).status == 200
