"""A web site becomes documents: politely, each page once, and followed when it changes."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from steadyhand.errors import DocumentError, NotFound, SourceUnreadable
from steadyhand.fetching import Fetcher
from steadyhand.knowledge.sources import _addresses, _pages, _robots
from steadyhand.knowledge.sources.web import Web
from steadyhand.types.source import Item, Remembered
from websites import Asked, Site, answer, redirect, site

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
async def web() -> AsyncIterator[Site]:
    async with site() as served:
        yield served


@pytest.fixture
async def fetcher(web: Site) -> AsyncIterator[Fetcher]:
    opened = Fetcher(web.allowed)
    yield opened
    await opened.close()


async def at_once(seconds: float) -> None:
    del seconds


def source(web: Site, fetcher: Fetcher, start: str = "/", **options) -> Web:
    return Web(f"{web.address}{start}", fetcher, **{"sleep": at_once, "now": lambda: NOW} | options)


async def listed(found: Web, known: dict[str, Remembered] | None = None) -> dict[str, Item]:
    items = [item async for item in found.items(known or {})]
    paths = [item.path for item in items]
    assert len(set(paths)) == len(paths)
    return {item.path.partition("/")[2]: item for item in items}


def remembered(items: dict[str, Item]) -> dict[str, Remembered]:
    return {item.path: Remembered(item.fingerprint, item.notes) for item in items.values()}


def page(text: str, *links: str, head: str = "") -> bytes:
    anchors = " ".join(f'<a href="{link}">{link}</a>' for link in links)
    return f"<html><head><title>{text}</title>{head}</head><body><p>{text}</p>{anchors}</body></html>".encode()


async def test_a_site_is_read_breadth_first_each_page_once(web: Site, fetcher: Fetcher) -> None:
    web.pages |= {
        "/": answer(page("home", "b", "/a/", "#top", "?", "mailto:x@y", "javascript:void(0)")),
        "/a/": answer(page("a", "../", "c.html", "/b")),
        "/b": answer(page("b", "/a/", "//127.0.0.1:1/x", "http://other.example/")),
        "/a/c.html": answer(page("c", "/", "/a/c.html#part")),
    }
    items = await listed(source(web, fetcher))
    assert list(items) == ["index.html", "b.html", "a/index.html", "a/c.html"]
    assert web.paths == ["/robots.txt", "/", "/b", "/a/", "/a/c.html"]
    assert items["a/c.html"].path == f"127.0.0.1_{web.port}/a/c.html"
    assert items["a/c.html"].url == f"{web.address}/a/c.html"
    assert items["a/c.html"].metadata == {
        "url": f"{web.address}/a/c.html",
        "fetched_at": "2026-05-01T00:00:00+00:00",
    }
    assert b"<p>c</p>" in await items["a/c.html"].open()
    assert b"<p>c</p>" in await items["a/c.html"].open()
    assert len(web.asked) == 5


async def test_depth_and_patterns_bound_what_is_read(web: Site, fetcher: Fetcher) -> None:
    web.pages |= {
        "/": answer(page("home", "/docs/1", "/blog/1", "/docs/old/1")),
        "/docs/1": answer(page("one", "/docs/2")),
        "/docs/2": answer(page("two", "/docs/3")),
        "/docs/3": answer(page("three")),
        "/blog/1": answer(page("blog")),
        "/docs/old/1": answer(page("old")),
    }
    items = await listed(source(web, fetcher, depth=2, include=["/docs/*"], exclude=["/docs/old/*"]))
    assert list(items) == ["index.html", "docs/1.html", "docs/2.html"]
    assert list(await listed(source(web, fetcher, depth=0))) == ["index.html"]
    assert list(await listed(source(web, fetcher, max_pages=2))) == ["index.html", "docs/1.html"]


async def test_an_endless_calendar_ends(web: Site, fetcher: Fetcher) -> None:
    def month(asked: Asked) -> bytes:
        number = int(asked.path.rpartition("=")[2] or 0) if "=" in asked.path else 0
        return answer(page(f"month {number}", *(f"/cal?month={number + step}" for step in range(1, 200))))

    web.pages |= {"/": month} | {f"/cal?month={number}": month for number in range(2_000)}
    items = await listed(source(web, fetcher, max_pages=30, depth=100))
    assert len(items) == 30
    assert len(web.asked) == 31


async def test_a_wrong_relative_link_does_not_make_paths_without_end(web: Site, fetcher: Fetcher) -> None:
    class Everywhere(dict):
        def get(self, path, default):
            return answer(b"", status="404 Not Found") if path == "/robots.txt" else answer(page(path, "deep/er"))

    web.pages = Everywhere()
    assert len(await listed(source(web, fetcher, "/x/", depth=100))) == 4


async def test_a_site_that_shows_one_page_everywhere_is_one_document(web: Site, fetcher: Fetcher) -> None:
    class Everywhere(dict):
        def get(self, path, default):
            return answer(b"", status="404 Not Found") if path == "/robots.txt" else answer(page("one", "a/b"))

    web.pages = Everywhere()
    assert list(await listed(source(web, fetcher, depth=100))) == ["index.html"]
    assert len(web.asked) == 3


async def test_sessions_tracking_and_indexes_do_not_make_pages(web: Site, fetcher: Fetcher) -> None:
    web.pages |= {
        "/": answer(page("home", "/a?utm_source=x", "/a?PHPSESSID=1", "/a;jsessionid=2", "/a#x", "/index.html")),
        "/a": answer(page("a", "/a?b=1&c=2&gclid=3", "/a?c=2&b=1", "/default.aspx")),
        "/a?b=1&c=2": answer(page("a with b")),
    }
    assert list(await listed(source(web, fetcher))) == ["index.html", "a.html", "a~b=1&c=2.html"]
    assert web.paths == ["/robots.txt", "/", "/a", "/a?b=1&c=2"]


async def test_robots_txt_is_obeyed(web: Site, fetcher: Fetcher) -> None:
    web.pages |= {
        "/robots.txt": answer(
            b"User-agent: *\nDisallow: /\n\nUser-agent: steadyhand\nAllow: /private/open\nDisallow: /private\n"
            b"Disallow: /*.pdf$\nCrawl-delay: 3\n",
            content_type="text/plain",
        ),
        "/": answer(page("home", "/private/x", "/private/open", "/a.pdf", "/a.pdf?x", "/moved")),
        "/private/open": answer(page("open")),
        "/moved": redirect("/private/y"),
        "/private/y": answer(page("y")),
        "/a.pdf?x": answer(b"%PDF-1.4", content_type="application/pdf"),
    }
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    items = await listed(source(web, fetcher, sleep=sleep, delay_s=0.1))
    assert list(items) == ["index.html", "private/open.html", "a~x.pdf"]
    assert waited == [0.1, 3, 3, 3, 3]


async def test_a_crawl_delay_of_hours_is_bounded(web: Site, fetcher: Fetcher) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    web.pages |= {"/robots.txt": answer(b"User-agent: *\nCrawl-delay: 86400"), "/": answer(page("home"))}
    await listed(source(web, fetcher, sleep=sleep))
    assert max(waited) == 10


async def test_a_site_that_forbids_us_is_not_read(web: Site, fetcher: Fetcher) -> None:
    web.pages |= {"/robots.txt": answer(b"User-agent: *\nDisallow: /"), "/": answer(page("home"))}
    with pytest.raises(SourceUnreadable, match=r"robots\.txt forbids it to Steadyhand"):
        await listed(source(web, fetcher))
    assert web.paths == ["/robots.txt"]


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy", "429 Slow"])
async def test_nothing_is_read_while_nobody_knows_what_may_be(web: Site, fetcher: Fetcher, status: str) -> None:
    web.pages |= {"/robots.txt": answer(b"", status=status), "/": answer(page("home"))}
    with pytest.raises(SourceUnreadable, match=r"robots\.txt could not be asked for"):
        await listed(source(web, fetcher))
    assert web.paths == ["/robots.txt"]


async def test_a_sitemap_that_robots_txt_names_is_read(web: Site, fetcher: Fetcher) -> None:
    def sitemap(kind: str, *places: str) -> bytes:
        inner = "".join(f"<x><loc> {web.address}{place} </loc></x>" for place in places)
        return f'<?xml version="1.0"?><{kind} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inner}</{kind}>'.encode()

    web.pages |= {
        "/robots.txt": answer(f"Sitemap: {web.address}/maps.xml\nSitemap: http://other.example/x.xml".encode()),
        "/maps.xml": answer(
            sitemap("sitemapindex", "/1.xml.gz", "/broken.xml", "/none.xml"), content_type="text/xml"
        ),
        "/1.xml.gz": answer(gzip.compress(sitemap("urlset", "/alone", "/")), content_type="application/gzip"),
        "/broken.xml": answer(b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><urlset><url><loc>&a;</loc>"),
        "/": answer(page("home")),
        "/alone": answer(page("alone")),
    }
    assert list(await listed(source(web, fetcher))) == ["index.html", "alone.html"]
    web.pages["/1.xml.gz"] = answer(b"", status="502 Bad Gateway")
    with pytest.raises(SourceUnreadable, match=r"1\.xml\.gz"):
        await listed(source(web, fetcher))


async def test_pages_under_one_canonical_address_are_one_document(web: Site, fetcher: Fetcher) -> None:
    canonical = '<link rel="canonical" href="/a">'
    web.pages |= {
        "/": answer(page("home", "/a?view=print", "/a?view=wide")),
        "/a?view=print": answer(page("printed", head=canonical)),
        "/a?view=wide": answer(page("wide", head=canonical)),
        "/a": answer(page("the page", head=canonical)),
    }
    items = await listed(source(web, fetcher))
    assert list(items) == ["index.html", "a.html"]
    assert b"the page" in await items["a.html"].open()


async def test_a_page_is_listed_when_its_canonical_one_is_none_or_points_back(web: Site, fetcher: Fetcher) -> None:
    web.pages |= {
        "/": answer(page("home", "/a", "/c", "/e", head='<link rel="canonical" href="http://other.example/">')),
        "/a": answer(page("a", head='<link rel="canonical" href="/b">')),
        "/b": answer(page("b", head='<link rel="canonical" href="/a">')),
        "/c": answer(page("c", head='<link rel="canonical" href="/gone">')),
        "/e": answer(page("e", head='<link rel="canonical" href="/file">')),
    }
    assert set(await listed(source(web, fetcher))) == {"index.html", "a.html", "c.html", "e.html"}


async def test_what_asks_not_to_be_listed_or_followed_is_not(web: Site, fetcher: Fetcher) -> None:
    web.pages |= {
        "/": answer(page("home", "/a", "/b", "/c", "/d", "/e")),
        "/a": answer(page("a", "/a1", head='<meta name="robots" content="noindex">')),
        "/a1": answer(page("a1")),
        "/b": answer(page("b", "/b1", head='<meta name="Steadyhand" content="NoFollow">')),
        "/c": answer(page("c", "/c1"), x_robots_tag="none"),
        "/d": answer(page("d"), x_robots_tag="otherbot: noindex, nofollow"),
        "/e": answer(b'<p>e</p><a rel="nofollow" href="/e1">e1</a>'),
    }
    assert list(await listed(source(web, fetcher))) == ["index.html", "b.html", "d.html", "e.html", "a1.html"]
    assert {"/b1", "/c1", "/e1"}.isdisjoint(web.paths)


async def test_a_base_address_is_what_links_start_from(web: Site, fetcher: Fetcher) -> None:
    web.pages |= {"/": answer(page("home", "a", head='<base href="/deep/er/">')), "/deep/er/a": answer(page("a"))}
    assert list(await listed(source(web, fetcher))) == ["index.html", "deep/er/a.html"]


async def test_redirects_are_links(web: Site, fetcher: Fetcher) -> None:
    web.pages |= {
        "/": redirect("/en/"),
        "/en/": answer(page("home", "/old", "/loop", "/out", "/x/index.html", "/soon")),
        "/old": redirect("new", "308 Permanent Redirect"),
        "/new": answer(page("new")),
        "/loop": redirect("/loop2"),
        "/loop2": redirect("/loop"),
        "/out": redirect("http://169.254.169.254/"),
        "/x/index.html": redirect("/x/"),
        "/x/": answer(page("x")),
        "/soon": answer(b'<meta http-equiv="Refresh" content="0; URL=/later"><p>soon</p>'),
        "/later": answer(page("later")),
    }
    items = await listed(source(web, fetcher))
    assert list(items) == ["en/index.html", "new.html", "x/index.html", "soon.html", "later.html"]
    assert items["x/index.html"].url == f"{web.address}/x/"


async def test_the_start_may_move_to_another_host_that_is_judged(web: Site, fetcher: Fetcher) -> None:
    async with site() as other:
        web.pages["/"] = redirect(f"{other.address}/home")
        other.pages |= {"/home": answer(page("home", "/b", f"{web.address}/c")), "/b": answer(page("b"))}
        with pytest.raises(SourceUnreadable) as caught:
            await listed(source(web, fetcher))
        assert caught.value.hint == f'when it is meant: [fetching] allow = ["127.0.0.1:{other.port}"]'
        assert other.asked == []
        both = Fetcher(web.allowed | other.allowed)
        items = await listed(source(web, both))
        assert list(items) == ["home.html", "b.html"]
        assert other.paths == ["/robots.txt", "/home", "/b"]
        await both.close()


async def test_private_addresses_are_not_crawled() -> None:
    fetcher = Fetcher()
    with pytest.raises(SourceUnreadable, match="public address"):
        await listed(Web("http://127.0.0.1:8080/", fetcher, sleep=at_once))
    await fetcher.close()


async def test_unchanged_pages_are_not_sent_again_and_still_lead_on(web: Site, fetcher: Fetcher) -> None:
    def once(body: bytes, tag: str):
        def respond(asked: Asked) -> bytes:
            if asked.headers.get("if-none-match") == tag:
                return b"HTTP/1.1 304 Not Modified\r\n\r\n"
            return answer(body, etag=tag, last_modified="Fri, 01 May 2026 10:00:00 GMT")

        return respond

    web.pages |= {
        "/": once(page("home", "/a", "/b?x=1"), '"h"'),
        "/a": once(page("a", "/c"), '"a"'),
        "/b?x=1": once(page("b"), '"b"'),
        "/c": answer(page("c")),
    }
    first = await listed(source(web, fetcher))
    assert first["a.html"].metadata["last_modified"] == "2026-05-01T10:00:00+00:00"
    web.pages["/c"] = answer(page("c again"))
    later = source(web, fetcher, now=lambda: datetime(2027, 1, 1, tzinfo=UTC))
    second = await listed(later, remembered(first))
    assert list(second) == list(first)
    changed = [path for path in first if first[path].fingerprint != second[path].fingerprint]
    assert changed == ["c.html"]
    assert {path: item.metadata for path, item in second.items() if path != "c.html"} == {
        path: item.metadata for path, item in first.items() if path != "c.html"
    }
    assert second["c.html"].metadata["fetched_at"] == "2027-01-01T00:00:00+00:00"
    assert b"<p>a</p>" in await second["a.html"].open()  # asked for anew: another way to read needs the bytes
    third = await listed(source(web, fetcher), remembered(second))
    assert remembered(third) == remembered(second)


async def test_a_page_without_a_tag_is_known_by_its_content(web: Site, fetcher: Fetcher) -> None:
    web.pages["/"] = answer(page("home"))
    first = await listed(source(web, fetcher))
    second = await listed(source(web, fetcher), remembered(first))
    assert second["index.html"].fingerprint == first["index.html"].fingerprint


async def test_pages_that_are_gone_are_not_listed_and_moved_ones_have_their_new_name(
    web: Site, fetcher: Fetcher
) -> None:
    web.pages |= {
        "/": answer(page("home", "/a", "/b", "/c")),
        "/a": answer(page("a")),
        "/b": answer(page("b")),
        "/c": answer(page("c")),
    }
    first = await listed(source(web, fetcher))
    web.pages |= {"/a": answer(b"", status="410 Gone"), "/b": redirect("/b2"), "/b2": answer(page("b"))}
    del web.pages["/c"]
    assert list(await listed(source(web, fetcher), remembered(first))) == ["index.html", "b2.html"]


@pytest.mark.parametrize(
    "trouble",
    [
        answer(b"oops", status="500 Oops"),
        answer(b"", status="429 Slow", retry_after="7"),
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbroken off",
        answer(b"no gzip", content_encoding="gzip"),
    ],
)
async def test_a_page_in_trouble_is_as_before_and_still_leads_on(
    web: Site, fetcher: Fetcher, trouble: bytes
) -> None:
    web.pages |= {"/": answer(page("home", "/a")), "/a": answer(page("a", "/b")), "/b": answer(page("b"))}
    first = await listed(source(web, fetcher))

    async def broken(asked: Asked) -> bytes:
        if trouble.startswith(b"HTTP/1.1 200") or not trouble:
            raise ConnectionError
        return trouble

    web.pages["/a"] = broken
    second = await listed(source(web, fetcher), remembered(first))
    assert remembered(second) == remembered(first)
    with pytest.raises(OSError, match=r"status|expected"):
        await second["a.html"].open()


async def test_a_new_page_in_trouble_is_told_and_one_that_is_refused_too(web: Site, fetcher: Fetcher) -> None:
    web.pages |= {
        "/": answer(page("home", "/a", "/b.pdf")),
        "/a": answer(b"", status="500 Oops"),
        "/b.pdf": answer(b"", status="403 Forbidden"),
    }
    items = await listed(source(web, fetcher))
    assert list(items) == ["index.html", "a.html", "b.pdf"]
    assert items["a.html"].fingerprint == items["b.pdf"].fingerprint == ""
    for name, status in (("a.html", 500), ("b.pdf", 403)):
        with pytest.raises(DocumentError, match=f"status {status}"):
            await items[name].open()


async def test_a_server_that_fails_again_and_again_is_left(web: Site, fetcher: Fetcher) -> None:
    oops = answer(b"", status="500 Oops")
    web.pages |= {"/": answer(page("home", *(f"/{number}" for number in range(50))))}
    web.pages |= {f"/{number}": oops for number in range(50)}
    with pytest.raises(SourceUnreadable, match="10th in a row"):
        await listed(source(web, fetcher))
    assert len(web.asked) == 12


async def test_a_busy_server_is_asked_more_slowly(web: Site, fetcher: Fetcher) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    web.pages |= {"/": answer(page("home", "/a", "/b", "/c")), "/b": answer(page("b")), "/c": answer(page("c"))}
    web.pages["/a"] = answer(b"", status="503 Busy", retry_after="4")
    await listed(source(web, fetcher, sleep=sleep, delay_s=0.5))
    assert waited == [0.5, 0.5, 0.5, 4, 4]


@pytest.mark.parametrize(
    ("first", "error"),
    [
        (answer(b"", status="404 Not Found"), NotFound),
        (answer(b"", status="403 Forbidden"), SourceUnreadable),
        (answer(b"", status="500 Oops"), SourceUnreadable),
        (redirect("/"), SourceUnreadable),
        (redirect("file:///etc/passwd"), SourceUnreadable),
    ],
)
async def test_without_its_first_page_nothing_is_known(
    web: Site, fetcher: Fetcher, first: bytes, error: type[Exception]
) -> None:
    web.pages["/"] = answer(page("home", "/a"))
    known = remembered(await listed(source(web, fetcher)))
    web.pages["/"] = first
    with pytest.raises(error):
        await listed(source(web, fetcher), known)


async def test_linked_documents_are_items_and_pictures_are_not_asked_for(web: Site, fetcher: Fetcher) -> None:
    web.pages |= {
        "/": answer(page("home", "/a.PDF", "/get?file=1", "/logo.png", "/app.js", "/x", "/notes.md", "/film")),
        "/a.PDF": answer(b"%PDF-1.4", content_type="application/octet-stream"),
        "/get?file=1": answer(b"PK", content_type=next(it for it in _addresses._OF_TYPE if "wordprocessing" in it)),
        "/x": answer(b"plain", content_type="text/plain"),
        "/notes.md": answer(b"# Notes", content_type="text/plain"),
        "/film": answer(b"film", content_type="video/mp4"),
    }
    items = await listed(source(web, fetcher))
    assert list(items) == ["index.html", "a.pdf", "get~file=1.docx", "x.txt", "notes.md"]
    assert await items["a.pdf"].open() == b"%PDF-1.4"
    assert {"/logo.png", "/app.js"}.isdisjoint(web.paths)


async def test_a_page_that_is_too_large_does_not_stop_the_others(
    web: Site, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = gzip.compress(b"\0" * 60 * 2**20)
    web.pages |= {"/": answer(page("home", "/a", "/b")), "/a": answer(bomb, content_encoding="gzip")}
    web.pages["/b"] = answer(page("b"))
    items = await listed(source(web, fetcher))
    assert list(items) == ["index.html", "a.html", "b.html"]
    with pytest.raises(DocumentError, match="expected at most"):
        await items["a.html"].open()


async def test_the_encoding_of_the_header_goes_before_that_of_the_page(web: Site, fetcher: Fetcher) -> None:
    body = '<meta charset="utf-8"><p>Größe <a href="/ä">ä</a>'.encode("latin-1")
    web.pages |= {
        "/": answer(body, content_type="text/html; charset=ISO-8859-1"),
        "/%C3%A4": answer(page("umlaut")),
    }
    items = await listed(source(web, fetcher))
    assert (await items["index.html"].open()).decode("utf-8-sig") == body.decode("latin-1")
    assert list(items) == ["index.html", "ä.html"]


async def test_two_pages_whose_names_would_be_equal_keep_apart_and_keep_their_names(
    web: Site, fetcher: Fetcher
) -> None:
    web.pages |= {
        "/": answer(page("home", "/a.html", "/a")),
        "/a": answer(page("a")),
        "/a.html": answer(page("a in html")),
    }
    first = await listed(source(web, fetcher))
    assert [item.url.rpartition("/")[2] for item in first.values()] == ["", "a.html", "a"]
    web.pages["/"] = answer(page("home", "/a", "/a.html"))
    second = await listed(source(web, fetcher), remembered(first))
    assert {item.path: item.url for item in second.values()} == {item.path: item.url for item in first.values()}


async def test_what_is_remembered_may_be_anything(web: Site, fetcher: Fetcher) -> None:
    web.pages["/"] = answer(page("home"))
    odd = {
        "x": Remembered("f", {"url": 1, "links": "no", "etag": None}),
        "y": Remembered("f"),
        "z": Remembered("", {"links": [1]}),
    }
    assert list(await listed(source(web, fetcher), odd)) == ["index.html"]


async def test_one_page_is_asked_for_at_a_time(web: Site, fetcher: Fetcher) -> None:
    running = 0

    async def slow(asked: Asked) -> bytes:
        nonlocal running
        assert running == 0
        running += 1
        await asyncio.sleep(0.01)
        running -= 1
        return answer(page(asked.path))

    web.pages |= {"/": answer(page("home", "/a", "/b")), "/a": slow, "/b": slow}
    found = source(web, fetcher)
    first = await listed(found)
    second = await listed(found, remembered(first))
    await asyncio.gather(*(item.open() for item in second.values()))


@pytest.mark.parametrize(
    ("pattern", "target", "fits"),
    [
        ("/fish", "/fish.html", True),
        ("/fish", "/Fish", False),
        ("/fish*", "/fishheads/yummy.html", True),
        ("/fish/", "/fish", False),
        ("/*.php", "/folder/any.php.file.html", True),
        ("/*.php$", "/file.php?a", False),
        ("/*.php$", "/a.php/b.php", True),
        ("/fish*.php", "/fishheads/catfish.php?a", True),
        ("/a$", "/ab", False),
        ("/$", "/", True),
        ("/ü", "/%c3%bc", True),
        ("/%7Ejoe", "/~joe", True),
        ("*" * 2_000 + "x", "/" + "a" * 2_000, False),
    ],
)
def test_rules_of_robots_txt_fit_as_rfc_9309_says(pattern: str, target: str, fits: bool) -> None:
    rules = _robots.parsed(f"User-agent: *\nDisallow: {pattern}".encode(), "Steadyhand")
    assert rules.allows(target) is not fits


def test_the_group_that_names_us_goes_before_the_one_for_all() -> None:
    text = b"""\xef\xbb\xbfUser-Agent: a\nUSER-AGENT: SteadyHand/2.0\nDisallow: /x # why\nunknown: y\n
    user-agent: b\rdisallow: /\r\nUser-agent: *\nDisallow: /all\nSitemap: /s.xml\nUser-agent: steadyhand\nDisallow: /z"""
    found = _robots.parsed(text, "Steadyhand")
    assert found.rules == (("/x", False), ("/z", False))
    assert found.sitemaps == ("/s.xml",)
    assert not _robots.parsed(text, "Other").allows("/all/1")
    assert _robots.parsed(b"\0\xff<html>Disallow: /", "Steadyhand") == _robots.Robots()


def test_the_longest_rule_counts_and_of_equals_the_one_that_allows() -> None:
    text = b"User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /a/b/c\nAllow: /d\nDisallow: /d\nDisallow:\n"
    found = _robots.parsed(text, "Steadyhand")
    allowed = [target for target in ("/a", "/a/b", "/a/b/c", "/d", "/e", "/robots.txt") if found.allows(target)]
    assert allowed == ["/a/b", "/d", "/e", "/robots.txt"]


@pytest.mark.parametrize(
    ("page_", "suffix", "path"),
    [
        ("h.example/", ".html", "h.example/index.html"),
        ("h.example:81/a/", ".html", "h.example_81/a/index.html"),
        ("h.example/a/b.php?x=1", ".html", "h.example/a/b.php~x=1.html"),
        ("h.example/%2e%2e/%2E%2E%2Fetc%2Fpasswd", ".html", "h.example/_../_.._etc_passwd.html"),
        ("h.example/.git/config", ".txt", "h.example/_.git/config.txt"),
        ("h.example/a%00b%5Cc%3Ad", ".html", "h.example/a_b_c_d.html"),
        ("h.example//x//y", ".html", "h.example/x/y.html"),
        ("h.example/%ff%fe", ".html", "h.example/\ufffd\ufffd.html"),
    ],
)
def test_the_name_of_a_page_is_a_safe_path(page_: str, suffix: str, path: str) -> None:
    assert _addresses.document_path(page_, suffix) == path


def test_long_names_are_cut_and_stay_apart() -> None:
    found = {_addresses.document_path(f"h.example/{'ä' * 300}{number}", ".html") for number in range(5)}
    assert len(found) == 5
    assert max(len(name.encode()) for path in found for name in path.split("/")) <= 125
    long = _addresses.document_path(f"h.example/{'/'.join(['x' * 100] * 15)}", ".html")
    assert len(long.encode()) < 100


@pytest.mark.parametrize(
    "address",
    [
        "",
        "mailto:a@b",
        "javascript:x",
        "data:text/html,x",
        "http://u:p@h/",
        "http://[",
        "http:",
        "http://h/" + "x" * 2_000,
        "http://h:99999/",
        "/a",
    ],
)
def test_what_is_no_page_has_no_address(address: str) -> None:
    assert _addresses.normal(address) == ""


def test_broken_markup_is_read_as_far_as_it_goes() -> None:
    deep = b"<div>" * 5_000 + b'<a href="/a">'
    for content in (
        b"",
        b"\0\0",
        b"<a href='http://[",
        b"<a href=/a><a href='/b",
        deep,
        b"<meta http-equiv=refresh>",
    ):
        assert isinstance(
            _pages.says(content, "http://h/", "text/html; charset=nonsense", "", "Steadyhand").links, tuple
        )
    many = b"".join(b"<a href=/%d>" % number for number in range(5_000))
    assert len(_pages.says(many, "http://h/", "", "", "Steadyhand").links) == 1_000


def test_hostile_rules_and_links_take_no_time() -> None:
    began = time.monotonic()
    assert (
        _robots.parsed(b"User-agent:" + b" " * 400_000 + b"x\nDisallow:" + b" " * 90_000, "Steadyhand").rules == ()
    )
    many = _robots.parsed(b"User-agent: *\n" + b"Disallow: /*a*b*c$\n" * 9_000, "Steadyhand")
    assert many.allows("/" + "ab" * 900)
    assert _addresses.normal("http://h/" + "a/" * 5_000_000) == ""
    long = b"<a href='" + b"/x" * 4_000_000 + b"'>"
    assert _pages.says(long, "http://h/", "text/html", "", "Steadyhand").links == ()
    assert time.monotonic() - began < 5
