"""Nobody comes in without a key, and nobody gets further than their role."""

import re

import aiohttp
import pytest
from fastapi import FastAPI
from served_site import Site

from steadyhand.errors import SteadyhandError, Unauthenticated
from steadyhand.serve.access import REMEMBERED_S, Identities
from steadyhand.serve.http import create_app
from steadyhand.serve.routes import refuse_unguarded
from steadyhand.types.run import Principal

OPEN = {("GET", "/healthz"), ("POST", "/session")}
UNROUTED = [
    ("GET", "/nowhere"),
    ("GET", "/console/static/../http.py"),
    ("DELETE", "/runs"),
    ("HEAD", "/"),
    ("GET", "/redoc"),
]


def addresses(site: Site) -> list[tuple[str, str]]:
    """Every route of the application as a request, with made-up values in its path."""
    routes = create_app(site.workspace).routes
    return [
        (method, re.sub(r"\{[^}]*\}", "sorter", route.path)) for route in routes for method in sorted(route.methods)
    ]


async def test_without_a_key_every_address_answers_401(site: Site) -> None:
    asked = [address for address in [*addresses(site), *UNROUTED] if address not in OPEN]
    assert len(asked) > 25
    for method, path in asked:
        for headers in (
            {},
            {"Authorization": "Bearer sh_wrong"},
            {"X-Api-Key": "sh_wrong"},
            {"Cookie": "steadyhand_session=x"},
        ):
            async with site.http.request(method, site.url + path, headers=headers, allow_redirects=False) as answer:
                assert answer.status == 401, (method, path, headers)
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                assert "sorter" not in (await answer.text()).replace(path, "")


async def test_health_tells_nothing_but_that_the_process_lives(site: Site) -> None:
    async with site.http.get(site.url + "/healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "alive"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/features", "admin caller reader"),
        ("GET", "/features/sorter", "admin caller reader"),
        ("POST", "/features/sorter", "admin caller"),
        ("POST", "/features/sorter/stream", "admin caller"),
        ("GET", "/runs", "admin reader"),
        ("GET", "/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV", "admin reader"),
        ("GET", "/reviews", "admin reader"),
        ("GET", "/knowledge", "admin caller reader"),
        ("GET", "/knowledge/notes", "admin caller reader"),
        ("GET", "/knowledge/notes/search?q=hotel", "admin caller reader"),
        ("GET", "/knowledge/notes/travel.md", "admin caller reader"),
        ("GET", "/knowledge/notes/travel.md/page/1.png", "admin caller reader"),
        ("GET", "/knowledge/notes/sources", "admin reader"),
        ("GET", "/knowledge/notes/report", "admin reader"),
        ("GET", "/knowledge/notes/generations", "admin reader"),
        ("POST", "/knowledge/notes/reindex?embedder=nobody", "admin"),
        ("POST", "/knowledge/notes/rollback", "admin"),
        ("POST", "/knowledge/notes/reclaim", "admin"),
        ("POST", "/knowledge/notes/documents?path=x.exe", "admin"),
        ("DELETE", "/knowledge/notes/nothing.md", "admin"),
        ("POST", "/knowledge/notes/sync", "admin"),
        ("GET", "/readyz", "admin caller reader"),
        ("GET", "/openapi.json", "admin caller reader"),
        ("GET", "/", "admin reader"),
        ("GET", "/docs", "admin reader"),
        ("GET", "/console/runs", "admin reader"),
        ("GET", "/console/knowledge", "admin reader"),
        ("GET", "/console/features/sorter", "admin reader"),
    ],
)
async def test_each_role_may_do_exactly_what_it_is_for(site: Site, method: str, path: str, allowed: str) -> None:
    let_in = []
    for role in ("admin", "caller", "reader"):
        async with site.http.request(method, site.url + path, headers=site.bearer(role)) as answer:
            await answer.read()
            if answer.status != 403:
                let_in.append(role)
    assert let_in == allowed.split()


async def test_an_application_with_an_unguarded_route_does_not_start(site: Site) -> None:
    app = create_app(site.workspace)
    app.add_api_route("/backdoor", lambda: "hello")
    with pytest.raises(SteadyhandError, match="/backdoor"):
        refuse_unguarded(app)
    mounted = FastAPI()
    with pytest.raises(SteadyhandError, match="expected a rule for every route"):
        refuse_unguarded(mounted)


async def test_a_key_may_come_in_either_header(site: Site) -> None:
    for headers in ({"authorization": f"bearer {site.keys['reader']}"}, {"X-Api-Key": site.keys["reader"]}):
        async with site.http.get(site.url + "/runs", headers=headers) as answer:
            assert answer.status == 200


async def test_a_wrong_scheme_is_no_key_even_beside_a_good_one(site: Site) -> None:
    headers = {"Authorization": f"Basic {site.keys['admin']}", "X-Api-Key": site.keys["admin"]}
    async with site.http.get(site.url + "/runs", headers=headers) as answer:
        assert answer.status == 401


async def sign_in(
    site: Site, browser: aiohttp.ClientSession, key: str, onward: str = "/"
) -> aiohttp.ClientResponse:
    return await browser.post(site.url + "/session", data={"key": key, "onward": onward}, allow_redirects=False)


def a_browser() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Accept": "text/html,*/*"})


async def test_whoever_opens_the_console_is_asked_for_a_key_and_gets_where_they_wanted(site: Site) -> None:
    async with a_browser() as browser:
        async with browser.get(site.url + "/knowledge/notes/travel.md?page=1") as asked:
            assert asked.status == 401
            assert 'value="/knowledge/notes/travel.md?page=1"' in await asked.text()
            assert "unsafe" not in asked.headers["Content-Security-Policy"]
        refused = await sign_in(site, browser, "sh_wrong")
        assert refused.status == 401
        assert "the key is not known or was revoked" in await refused.text()
        let_in = await sign_in(site, browser, f" {site.keys['reader']} ", "/console/runs?status=failed")
        assert (let_in.status, let_in.headers["Location"]) == (303, "/console/runs?status=failed")
        async with browser.get(site.url + "/console/runs") as page:
            assert page.status == 200
            assert "the reader" in await page.text()


async def test_a_session_cookie_is_kept_from_scripts_and_other_sites(site: Site) -> None:
    async with a_browser() as browser:
        plain = (await sign_in(site, browser, site.keys["reader"])).headers["Set-Cookie"]
        assert "HttpOnly" in plain
        assert "SameSite=strict" in plain
        assert "Secure" not in plain
        behind_tls = await browser.post(
            site.url + "/session",
            data={"key": site.keys["reader"]},
            headers={"X-Forwarded-Proto": "https"},
            allow_redirects=False,
        )
        assert "Secure" in behind_tls.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "onward",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/a\r\nSet-Cookie: x=1", "javascript:alert(1)"],
)
async def test_a_sign_in_sends_nobody_elsewhere(site: Site, onward: str) -> None:
    async with a_browser() as browser:
        answer = await sign_in(site, browser, site.keys["reader"], onward)
        assert answer.headers["Location"] == "/"
        assert "x" not in answer.cookies


async def test_signing_out_ends_the_session_at_once(site: Site) -> None:
    async with a_browser() as browser:
        answer = await sign_in(site, browser, site.keys["reader"])
        token = answer.cookies["steadyhand_session"].value
        async with browser.post(site.url + "/session/end", allow_redirects=False) as ended:
            assert ended.status == 303
        async with site.http.get(site.url + "/runs", headers={"Cookie": f"steadyhand_session={token}"}) as after:
            assert after.status == 401


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://127.0.0.1:1"}],
)
async def test_another_page_cannot_act_with_a_browsers_session(site: Site, headers: dict[str, str]) -> None:
    async with a_browser() as browser:
        await sign_in(site, browser, site.keys["admin"])
        async with browser.post(site.url + "/knowledge/notes/sync", headers=headers) as answer:
            assert answer.status == 403
        async with browser.post(site.url + "/features/sorter", json={"subject": "x"}, headers=headers) as answer:
            assert answer.status == 403
        async with browser.post(
            site.url + "/features/sorter", json={"subject": ""}, headers={"Origin": site.url}
        ) as own:
            assert own.status != 403


async def test_a_revoked_key_and_its_sessions_are_refused_within_seconds(site: Site) -> None:
    clock = _Clock()
    identities = Identities(site.workspace.keys, site.workspace.sessions, clock)
    key = await site.workspace.keys.create("short-lived", "reader")
    token = await site.workspace.sessions.open(key)
    principal = await identities.of_key(key)
    await identities.of_session(token)
    await site.workspace.keys.revoke(principal.key_id)
    assert await identities.of_key(key) == principal
    clock.now += REMEMBERED_S
    with pytest.raises(Unauthenticated):
        await identities.of_key(key)
    with pytest.raises(Unauthenticated):
        await identities.of_session(token)


async def test_a_known_key_asks_no_database_and_what_is_remembered_is_bounded() -> None:
    credentials = _Credentials()
    identities = Identities(credentials, credentials, _Clock())
    for _ in range(10):
        await identities.of_key("sh_a")
    assert credentials.asked == 1
    for number in range(5_000):
        await identities.of_key(f"sh_{number}")
    await identities.of_session("sh_4999")
    assert credentials.asked == 1 + 5_000 + 1
    await identities.of_key("sh_4999")
    assert credentials.asked == 1 + 5_000 + 1
    await identities.of_key(f"sh_{4_999 - 1_024}")
    assert credentials.asked == 1 + 5_000 + 2


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class _Credentials:
    def __init__(self) -> None:
        self.asked = 0

    async def principal(self, key: str) -> Principal:
        self.asked += 1
        return Principal(key, "reader")
