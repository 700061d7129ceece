"""What strangers' addresses name is fetched from the internet, and from nowhere else."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Sequence

import pytest

from steadyhand.errors import AddressRefused, FetchFailed, FetchTooLarge
from steadyhand.fetching import Fetcher, Limits, is_public
from websites import Site, answer, redirect, site


@pytest.fixture
async def web() -> AsyncIterator[Site]:
    async with site() as served:
        yield served


@pytest.fixture
async def fetcher(web: Site) -> AsyncIterator[Fetcher]:
    opened = Fetcher(web.allowed)
    yield opened
    await opened.close()


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:1.1.1.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "100::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "no address",
    ],
)
def test_addresses_of_networks_of_ones_own_are_not_public(address: str) -> None:
    assert not is_public(address)


async def test_an_answer_is_given_whole(web: Site, fetcher: Fetcher) -> None:
    web.pages["/a?b=c"] = answer(b"text", content_type="text/plain; charset=latin-1", etag='"1"')
    found = await fetcher.fetch(f"{web.address}/a?b=c#part", headers={"if-none-match": '"0"'})
    assert (found.status, found.body, found.headers["etag"]) == (200, b"text", '"1"')
    assert found.headers["content-type"] == "text/plain; charset=latin-1"
    assert web.asked[0].headers["if-none-match"] == '"0"'
    assert web.asked[0].headers["user-agent"] == "Steadyhand"


async def test_errors_of_the_server_are_answers(web: Site, fetcher: Fetcher) -> None:
    assert (await fetcher.fetch(f"{web.address}/none")).status == 404


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1./",
        "http://localhost/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fe80::1%25lo]/",
        "http://0/",
        "http://0.0.0.0:8080/",
        "http://169.254.169.254/latest/meta-data",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:8080/",
        "//example.com/",
        "/etc/passwd",
        "http:///",
        "http://example.com:22/",
        "http://user:hush@1.1.1.1/",
        "http://1.1.1.1:99999/",
        "http://[::1",
    ],
)
async def test_what_is_not_of_the_web_is_not_asked(url: str) -> None:
    fetcher = Fetcher()
    try:
        with pytest.raises(AddressRefused) as caught:
            await fetcher.fetch(url)
        assert "hush" not in str(caught.value)
    finally:
        await fetcher.close()


async def test_only_the_port_that_was_opened_is_open(web: Site) -> None:
    fetcher = Fetcher(frozenset({"127.0.0.1"}))
    with pytest.raises(AddressRefused, match=str(web.port)) as caught:
        await fetcher.fetch(web.address)
    assert caught.value.hint == f'when it is meant: [fetching] allow = ["127.0.0.1:{web.port}"]'
    assert web.asked == []


class Names:
    """Resolves a name differently each time it is asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.left = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.left.pop(0)


async def test_a_name_is_resolved_once_so_that_it_cannot_turn_private_behind_the_check(web: Site) -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    fetcher = Fetcher(frozenset({f"wiki.example:{web.port}"}), names)
    web.pages["/"] = answer(b"here")
    assert (await fetcher.fetch(f"http://wiki.example:{web.port}/")).body == b"here"
    assert names.asked == ["wiki.example"]
    assert web.asked[0].headers["host"] == f"wiki.example:{web.port}"
    await fetcher.close()


async def test_a_name_that_turns_private_is_refused_when_it_does() -> None:
    names = Names(["192.0.2.1", "1.1.1.1"], ["1.1.1.1", "127.0.0.1"], ["::ffff:10.0.0.1"])
    fetcher = Fetcher(resolve=names)
    for refused in ("192.0.2.1", "127.0.0.1", "::ffff:10.0.0.1"):
        with pytest.raises(
            AddressRefused, match=f"expected turning.example to have a public address; found {refused}"
        ):
            await fetcher.fetch("http://turning.example/")
    await fetcher.close()


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:80/", "http://169.254.169.254/", "file:///etc/passwd", "//0/"]
)
async def test_a_redirect_does_not_lead_into_the_network(web: Site, fetcher: Fetcher, target: str) -> None:
    web.pages["/"] = redirect(target)
    with pytest.raises(AddressRefused):
        await fetcher.fetch(web.address)


async def test_a_redirect_to_a_name_is_judged_as_that_name(web: Site) -> None:
    web.pages["/"] = redirect("http://inside.example:8080/")
    fetcher = Fetcher(web.allowed, Names(["10.1.2.3"]))
    with pytest.raises(AddressRefused, match=r"inside\.example to have a public address; found 10\.1\.2\.3"):
        await fetcher.fetch(web.address)
    await fetcher.close()


async def test_relative_redirects_are_followed_and_the_last_address_is_told(web: Site, fetcher: Fetcher) -> None:
    web.pages |= {"/a/b": redirect("../c?d"), "/c?d": redirect("/e#part"), "/e": answer(b"end")}
    found = await fetcher.fetch(f"{web.address}/a/b", headers={"x-own": "1"})
    assert (found.url, found.body) == (f"{web.address}/e", b"end")
    assert [asked.headers.get("x-own") for asked in web.asked] == ["1", "1", "1"]


async def test_headers_and_cookies_do_not_travel_to_another_host(web: Site, fetcher: Fetcher) -> None:
    async with site() as other:
        web.pages["/"] = answer(
            b"", status="302 Found", location=f"{other.address}/x", set_cookie="a=b; Path=/; Domain=127.0.0.1"
        )
        other.pages["/x"] = answer(b"other", set_cookie="c=d")
        both = Fetcher(web.allowed | other.allowed)
        for _ in range(2):
            assert (await both.fetch(web.address, headers={"if-none-match": "1"})).body == b"other"
        await both.close()
        assert all("if-none-match" not in asked.headers for asked in other.asked)
        assert all("cookie" not in asked.headers for asked in (*web.asked, *other.asked))


async def test_redirects_that_do_not_end_are_left(web: Site, fetcher: Fetcher) -> None:
    web.pages["/"] = redirect("/")
    with pytest.raises(FetchFailed, match="expected at most 5 redirects"):
        await fetcher.fetch(web.address)
    assert len(web.asked) == 6


async def test_a_caller_that_follows_by_itself_is_given_the_redirect(web: Site, fetcher: Fetcher) -> None:
    web.pages["/"] = redirect("/b")
    found = await fetcher.fetch(web.address, limits=Limits(redirects=0))
    assert (found.status, found.headers["location"]) == (301, "/b")


SMALL = Limits(body_bytes=100_000, total_s=10)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"x" * 100_001, {}),
        (gzip.compress(b"\0" * 50_000_000), {"content_encoding": "gzip"}),
        (gzip.compress(bytes(range(256)) * 400), {"content_encoding": "x-gzip"}),
    ],
)
async def test_a_body_is_bounded_also_when_it_is_packed(
    web: Site, fetcher: Fetcher, body: bytes, headers: dict[str, str]
) -> None:
    web.pages["/"] = answer(body, **headers)
    with pytest.raises(FetchTooLarge, match="expected at most 100,000 bytes"):
        await fetcher.fetch(web.address, limits=SMALL)


async def test_a_packed_body_is_unpacked(web: Site, fetcher: Fetcher) -> None:
    text = "".join(f"{number} " for number in range(20_000)).encode()
    web.pages["/"] = answer(gzip.compress(text), content_encoding="gzip")
    assert (await fetcher.fetch(web.address)).body == text
    assert web.asked[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (gzip.compress(b"text" * 1000)[:-10], "gzip"),
        (b"no gzip", "gzip"),
        (zlib.compress(b"text"), "br"),
        (b"text", "gzip, gzip"),
    ],
)
async def test_a_body_that_is_not_packed_as_it_says_is_an_error(
    web: Site, fetcher: Fetcher, body: bytes, coding: str
) -> None:
    web.pages["/"] = answer(body, content_encoding=coding)
    with pytest.raises(FetchFailed, match=r"gzip|packed"):
        await fetcher.fetch(web.address)


async def test_a_body_that_trickles_is_left(web: Site, fetcher: Fetcher) -> None:
    web.pages["/"] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nslow"
    with pytest.raises(FetchFailed, match="did not come in time"):
        await fetcher.fetch(web.address, limits=Limits(total_s=0.2))


async def test_headers_that_do_not_come_are_not_waited_for(web: Site, fetcher: Fetcher) -> None:
    async def late(_: object) -> bytes:
        await asyncio.sleep(20)
        return b""

    web.pages["/"] = late
    with pytest.raises(FetchFailed, match="did not come in time"):
        await fetcher.fetch(web.address, limits=Limits(head_s=0.2))


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 5_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_an_error(web: Site, fetcher: Fetcher, reply: bytes) -> None:
    web.pages["/"] = reply
    with pytest.raises(FetchFailed, match="expected an answer of"):
        await fetcher.fetch(web.address, limits=SMALL)


async def test_nobody_at_home_is_an_error(fetcher: Fetcher) -> None:
    async with site() as gone:
        pass
    fetcher = Fetcher(gone.allowed)
    with pytest.raises(FetchFailed):
        await fetcher.fetch(gone.address)
    await fetcher.close()


async def test_the_environment_names_no_proxy(web: Site, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    web.pages["/"] = answer(b"direct")
    assert (await fetcher.fetch(web.address)).body == b"direct"


async def test_headers_that_are_no_text_can_be_stored_as_text(web: Site, fetcher: Fetcher) -> None:
    web.pages["/"] = b'HTTP/1.1 200 OK\r\netag: "\xff"\r\nx: a\r\nX: b\r\ncontent-length: 0\r\n\r\n'
    found = await fetcher.fetch(web.address)
    assert (found.headers["etag"], found.headers["x"]) == ('"?"', "a, b")
