"""What an attacker sends: it is refused in the usual words and breaks nothing."""

import asyncio
from urllib.parse import urlsplit

import pytest
from served_site import Site

JSON = {"Content-Type": "application/json"}


async def send(
    site: Site, body: bytes, headers: dict[str, str] = JSON, path: str = "/features/sorter"
) -> tuple[int, str]:
    async with site.http.post(site.url + path, data=body, headers={**site.bearer(), **headers}) as answer:
        return answer.status, (await answer.json())["error"]["code"]


async def raw(site: Site, request: bytes) -> bytes:
    """What comes back to these very bytes."""
    parts = urlsplit(site.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(request)
    await writer.drain()
    async with asyncio.timeout(5):
        answer = await reader.read(65_536)
    writer.close()
    return answer


async def test_a_body_of_ten_megabytes_is_refused(site: Site) -> None:
    status, code = await send(site, b'{"subject": "' + b"a" * 10_000_000 + b'"}')
    assert (status, code) == (413, "input.too_large")


async def test_a_body_that_grows_without_saying_its_size_is_refused(site: Site) -> None:
    async def endless():
        for _ in range(40):
            yield b"x" * 100_000

    async with site.http.post(
        site.url + "/features/sorter", data=endless(), headers={**site.bearer(), **JSON}
    ) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (413, "input.too_large")


async def test_a_sign_in_form_is_bounded_too(site: Site) -> None:
    async with site.http.post(site.url + "/session", data={"key": "k" * 2_000_000}) as answer:
        assert answer.status == 413


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"subject": NaN}', b'{"subject": Infinity}', b'{"subject": 1e999}',
        b'{"subject": "a", "subject": "b"}', b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000, b'{"a": ' + b"9" * 5_000 + b"}",
    ],
)  # fmt: skip
async def test_what_is_no_sane_json_object_is_refused(site: Site, body: bytes) -> None:
    assert await send(site, body) == (422, "input.invalid")


async def test_many_names_do_not_take_long_to_compare(site: Site) -> None:
    names = ",".join(f'"n{number}":1' for number in range(60_000))
    async with asyncio.timeout(5):
        assert await send(site, f'{{{names},"n59999":1}}'.encode()) == (422, "input.invalid")


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"]
)
async def test_another_media_type_is_refused(site: Site, media_type: str) -> None:
    assert await send(site, b'{"subject": "x"}', {"Content-Type": media_type}) == (415, "input.not_json")


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "\\ud83d\\ude00", "\\u202e", "\\r\\nX-Evil: 1"])
async def test_odd_characters_in_an_input_come_through_or_are_refused_but_break_nothing(
    site: Site, text: str
) -> None:
    site.says({"queue": "support"})
    body = f'{{"subject": "{text}"}}'.encode()
    async with site.http.post(
        site.url + "/features/sorter", data=body, headers={**site.bearer(), **JSON}
    ) as answer:
        assert answer.status in (200, 422), await answer.text()
        assert "X-Evil" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/knowledge/notes/../../steadyhand.toml", "/knowledge/notes/%2e%2e/%2e%2e/steadyhand.toml",
        "/knowledge/notes/..%5c..%5csteadyhand.toml", "/knowledge/notes//etc/passwd", "/knowledge/../features",
        "/console/static/../render.py", "/console/static/%2e%2e%2frender.py", "/console/static//etc/passwd",
    ],
)  # fmt: skip
async def test_a_path_that_climbs_finds_nothing(site: Site, path: str) -> None:
    key = site.keys["admin"]
    answer = await raw(
        site, f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {key}\r\nConnection: close\r\n\r\n".encode()
    )
    assert answer.split(b" ")[1] in (b"404", b"422"), answer[:200]
    assert b"database_url" not in answer


@pytest.mark.parametrize("base", ["..", "%2e%2e", "a%2fb", "-x", "%20"])
async def test_no_base_can_be_named_that_leads_out_of_the_workspace(site: Site, base: str) -> None:
    key = site.keys["admin"]
    request = f"POST /knowledge/{base}/sync HTTP/1.1\r\nHost: x\r\nX-Api-Key: {key}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    answer = await raw(site, request.encode())
    assert answer.split(b" ")[1] in (b"404", b"405", b"422"), answer[:200]


@pytest.mark.parametrize(
    "path", ["/runs?feature=%00", "/knowledge/notes/%00", "/runs/%00", "/knowledge/notes/search?q=%00"]
)
async def test_nul_characters_in_an_address_are_refused(site: Site, path: str) -> None:
    async with site.http.get(site.url + path, headers=site.bearer()) as answer:
        assert answer.status == 400, await answer.text()


async def test_a_header_cannot_be_smuggled_through_a_name(site: Site) -> None:
    key = site.keys["admin"]
    answer = await raw(
        site,
        f"GET /x%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: x\r\nX-Api-Key: {key}\r\nConnection: close\r\n\r\n".encode(),
    )
    assert b"404" in answer.split(b"\r\n")[0]
    assert b"\r\nX-Evil" not in answer


async def test_bytes_that_are_no_http_are_answered_with_400(site: Site) -> None:
    assert b"400" in (await raw(site, b"\x16\x03\x01 hello\r\n\r\n")).split(b"\r\n")[0]


async def test_a_request_that_states_a_wrong_size_is_refused(site: Site) -> None:
    answer = await raw(site, b"POST /session HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n")
    assert answer.split(b" ")[1] in (b"400", b"413")


async def test_every_answer_forbids_what_browsers_could_be_tricked_into(site: Site) -> None:
    for path, headers in [("/", {}), ("/healthz", {}), ("/runs", site.bearer()), ("/nowhere", site.bearer())]:
        async with site.http.get(site.url + path, headers=headers) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'")
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "Server" not in answer.headers
