"""The doors to knowledge: handing documents in, searching them, opening them at the words, deleting them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from served_site import Site

from steadyhand.errors import NotFound
from steadyhand.knowledge import painting
from steadyhand.knowledge.erase import erase_base
from steadyhand.knowledge.ingest.uploads import SIZE_LIMIT
from steadyhand.types.run import RoleName

POLICIES = Path(__file__).parents[2] / "examples" / "company" / "knowledge" / "policies"
RULES = (POLICIES / "travel-policy.pdf").read_bytes()
NEWER = (POLICIES / "data-protection.pdf").read_bytes()
LIMIT = "In all other places the limit is EUR 110"
PAGE = 3
NOTE = b"# Parking\n\nBicycles stand in the yard, never in the hall.\n"


class Library:
    """A base of its own, filled through the doors. What is asked for answers with status and body."""

    def __init__(self, site: Site) -> None:
        self.site = site

    async def ask(
        self,
        method: str,
        place: str,
        /,
        *,
        role: RoleName = "admin",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        **query: str | int,
    ) -> tuple[int, Any]:
        status, content, _ = await self.raw(method, place, role=role, body=body, headers=headers, **query)
        return status, json.loads(content)

    async def raw(
        self,
        method: str,
        place: str,
        /,
        *,
        role: RoleName = "admin",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        **query: str | int,
    ) -> tuple[int, bytes, aiohttp.typedefs.CIMultiDictProxy[str]]:
        url = f"{self.site.url}/knowledge/library{place}"
        given = {"Accept": "application/json", **self.site.bearer(role), **(headers or {})}
        async with self.site.http.request(method, url, params=query, data=body, headers=given) as answer:
            return answer.status, await answer.read(), answer.headers

    async def put(self, path: str, content: bytes, /, **query: str) -> tuple[int, Any]:
        return await self.ask("POST", "/documents", body=content, path=path, **query)

    async def found(self, **query: str | int) -> list[str]:
        status, answer = await self.ask("GET", "/search", **query)
        assert status == 200, answer
        return [passage["source"] for passage in answer["passages"]]


@pytest.fixture
async def library(site: Site) -> AsyncIterator[Library]:
    yield Library(site)
    with suppress(NotFound):
        await erase_base(site.workspace.database, "library")


async def test_a_file_that_is_handed_in_is_found_opened_and_deleted(library: Library) -> None:
    status, done = await library.put("rules/travel.pdf", RULES, metadata='{"year": 2026}')
    assert (status, done["path"], done["outcome"]) == (201, "rules/travel.pdf", "added")
    assert done["passages"] > 10
    assert (await library.put("rules/travel.pdf", RULES, metadata='{"year": 2026}'))[0] == 200
    assert await library.found(q="hotel limit", top_k=1) == ["rules/travel.pdf"]
    _, page = await library.ask("GET", "/rules/travel.pdf", page=PAGE)
    assert (LIMIT in page["text"], page["is_live"], page["has_picture"]) == (True, True, True)
    assert page["metadata"]["year"] == 2026
    assert await library.ask("DELETE", "/rules/travel.pdf") == (200, {"deleted": 1})
    assert await library.found(q="hotel limit") == []
    assert (await library.ask("GET", "/rules/travel.pdf"))[0] == 404
    assert (await library.ask("DELETE", "/rules/travel.pdf"))[0] == 404


async def test_a_page_is_a_picture_with_the_quote_marked(library: Library) -> None:
    await library.put("travel.pdf", RULES)
    status, plain, headers = await library.raw("GET", "/travel.pdf/page/3.png")
    assert (status, headers["Content-Type"], plain[:4]) == (200, "image/png", b"\x89PNG")
    assert "no-cache" in headers["Cache-Control"]
    assert "private" in headers["Cache-Control"]
    _, marked, headers = await library.raw("GET", "/travel.pdf/page/3.png", highlight=LIMIT)
    assert (marked != plain, headers["X-Marked"]) == (True, "true")
    _, text = await library.ask("GET", "/travel.pdf", page=PAGE)
    start = text["start"] + text["text"].index(LIMIT)
    span = await library.raw("GET", "/travel.pdf/page/3.png", start=start, end=start + len(LIMIT))
    assert span[1] == marked
    again = await library.raw(
        "GET", "/travel.pdf/page/3.png", highlight=LIMIT, headers={"If-None-Match": headers["ETag"]}
    )
    assert again[:2] == (304, b"")
    assert (await library.raw("GET", "/travel.pdf/page/1.png", highlight=LIMIT))[2]["X-Marked"] == "false"
    for missing in (
        "/travel.pdf/page/30.png",
        "/nothing.pdf/page/1.png",
        "/travel.pdf/page/x.png",
        f"/travel.pdf/page/{'9' * 5_000}.png",
    ):
        assert (await library.ask("GET", missing))[0] == 404
    _, refused = await library.ask("GET", "/travel.pdf/page/30.png")
    assert "expected page 30 of a live document 'travel.pdf'" in refused["error"]["message"]


async def test_more_pictures_than_can_be_painted_are_asked_for_again_later(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    await library.put("travel.pdf", RULES)
    monkeypatch.setattr(painting, "MOST_ASKED", 0)
    status, _, headers = await library.raw("GET", "/travel.pdf/page/3.png")
    assert (status, headers["Retry-After"]) == (429, "1")


async def test_formats_without_pictures_point_at_their_text(library: Library) -> None:
    await library.put("parking.md", NOTE)
    status, refused = await library.ask("GET", "/parking.md/page/1.png")
    assert (status, refused["error"]["code"]) == (404, "not_found")
    assert "the text of the page" in refused["error"]["hint"]


async def test_an_older_version_is_shown_as_one(library: Library) -> None:
    await library.put("travel.pdf", RULES)
    _, before = await library.ask("GET", "/travel.pdf", page=PAGE)
    await library.put("travel.pdf", NEWER)
    _, old = await library.ask("GET", "/travel.pdf", page=PAGE, version=before["version"])
    assert (LIMIT in old["text"], old["is_live"]) == (True, False)
    _, now = await library.ask("GET", "/travel.pdf")
    assert (now["is_live"], [row["id"] for row in now["versions"]]) == (True, [now["version"], old["version"]])
    status, _, headers = await library.raw(
        "GET", "/travel.pdf/page/3.png", version=before["version"], highlight=LIMIT
    )
    assert (status, headers["X-Marked"]) == (200, "true")


async def test_searches_keep_to_filters_revisions_and_budgets(library: Library) -> None:
    await library.put("a.md", NOTE, metadata='{"department": "hr", "year": 2023}')
    await library.put("b.md", NOTE + b"Or in the cellar.\n", metadata='{"department": "it", "year": 2026}')
    assert set(await library.found(q="bicycles")) == {"a.md", "b.md"}
    assert await library.found(q="bicycles", filter='{"department": "it"}') == ["b.md"]
    assert await library.found(q="bicycles", filter='{"year": {"lt": 2024}, "source": "a.md"}') == ["a.md"]
    _, answer = await library.ask("GET", "/search", q="bicycles")
    revision = int(answer["snapshot"].partition("@")[2])
    await library.ask("DELETE", "/a.md")
    await library.put("c.md", NOTE + b"Or at home.\n")
    assert set(await library.found(q="bicycles", as_of=revision)) == {"b.md"}
    assert set(await library.found(q="bicycles", rerank="lexical")) == {"b.md", "c.md"}
    assert len(await library.found(q="bicycles", max_tokens=45)) == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"fliter": "{}"}, 'did you mean "filter"?'),
        (
            {"colour": "red"},
            "expected parameters among q, top_k, as_of, rerank, max_tokens, filter; found 'colour'",
        ),
        ({"filter": "department=hr"}, "filter: expected one JSON object"),
        ({"filter": '{"year": {"above": 1}}'}, "expected a comparison"),
        ({"filter": '{"a": 1, "a": 2}'}, "is in it twice"),
        ({"as_of": "yesterday"}, "as_of"),
        ({"as_of": "999999"}, "expected a revision"),
        ({"rerank": "onnx:../../etc"}, "rerank"),
        ({"rerank": "onnx:/etc"}, "rerank"),
        ({"rerank": "nobody"}, "expected one of"),
        ({"top_k": "0"}, "top_k"),
    ],
)
async def test_what_cannot_be_searched_is_refused_with_what_was_meant(
    library: Library, query: dict[str, str], said: str
) -> None:
    await library.put("a.md", NOTE)
    status, refused = await library.ask("GET", "/search", q="bicycles", **query)
    assert status in (404, 422)
    assert said in json.dumps(refused["error"], ensure_ascii=False).replace('\\"', '"')


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"path": "../a.md"}, 422, "input.invalid"),
        ({"path": "a.exe"}, 415, "document.unsupported"),
        ({"path": "a.pdf"}, 422, "document.unreadable"),
        ({"path": "a.md", "metadata": "[1]"}, 422, "input.invalid"),
        ({"path": "a.md", "metadata": '{"a": "\\u0000"}'}, 422, "input.invalid"),
        ({"path": "a.md", "label": ""}, 422, "input.invalid"),
        ({"path": "a.md", "lable": "hr"}, 422, "input.invalid"),
        ({}, 422, "input.invalid"),
    ],
)
async def test_what_cannot_be_handed_in_is_refused_with_a_reason(
    library: Library, query: dict[str, str], status: int, code: str
) -> None:
    answered, refused = await library.ask("POST", "/documents", body=NOTE, **query)
    assert (answered, refused["error"]["code"]) == (status, code)


async def test_a_file_without_content_or_end_is_refused(library: Library) -> None:
    assert (await library.put("a.md", b""))[0] == 422
    large = {"Content-Length": str(SIZE_LIMIT + 1)}
    status, refused = await library.ask("POST", "/documents", path="a.md", headers=large)
    assert (status, refused["error"]["code"]) == (413, "input.too_large")
    status, _ = await library.ask("POST", "/documents", body=b"x" * 1_100_000, path="large.txt")
    assert status == 201


async def test_many_uploads_at_once_all_arrive(library: Library) -> None:
    done = await asyncio.gather(*(library.put(f"{number}.md", NOTE) for number in range(12)))
    assert {status for status, _ in done} == {201}
    _, shown = await library.ask("GET", "")
    assert shown["base"]["documents"] == 12


async def test_documents_come_page_by_page(library: Library) -> None:
    for name in ("a.md", "b.md", "c.md"):
        await library.put(name, NOTE, metadata='{"review_by": "2020-01-31"}')
    _, first = await library.ask("GET", "", limit=2)
    assert ([row["path"] for row in first["documents"]], first["next"]) == (["a.md", "b.md"], "b.md")
    assert all(row["is_stale"] for row in first["documents"])
    _, second = await library.ask("GET", "", limit=2, after=first["next"])
    assert ([row["path"] for row in second["documents"]], second["next"]) == (["c.md"], "")
    _, some = await library.ask("GET", "", containing="B.M")
    assert [row["path"] for row in some["documents"]] == ["b.md"]


async def test_the_report_names_what_wants_a_look(library: Library) -> None:
    await library.put("old.md", NOTE, metadata='{"review_by": "2020-01-31"}')
    await library.put("copy.md", NOTE)
    _, report = await library.ask("GET", "/report", role="reader")
    assert [each["path"] for each in report["stale"]] == ["old.md"]
    assert [(pair["first"], pair["second"]) for pair in report["duplicates"]] == [("copy.md", "old.md")]


async def test_sources_say_when_they_were_looked_at(library: Library) -> None:
    await library.put("a.md", NOTE)
    _, found = await library.ask("GET", "/sources", role="reader")
    [source] = found["sources"]
    assert (source["place"], source["is_declared"], source["is_running"]) == ("(uploads)", False, False)
    assert source["status"]["outcomes"]["added"] == 1


async def test_a_base_changes_its_vectors_and_goes_back(library: Library) -> None:
    await library.put("a.md", NOTE)
    _, before = await library.ask("GET", "/generations")
    status, content, _ = await library.raw("POST", "/reindex", embedder="small", switch="true")
    *steps, last = [json.loads(line) for line in content.splitlines()]
    assert (status, steps[-1]) == (200, {"done": 1, "total": 1})
    assert last["finished"]["is_switched"]
    assert await library.found(q="bicycles") == ["a.md"]
    [was] = before["generations"]
    assert last["finished"]["became"] != was["embedder"]
    assert await library.ask("POST", "/rollback") == (200, {"vectors": was["embedder"]})
    assert (await library.ask("POST", "/reclaim"))[1]["deleted"] == 1
    assert (await library.ask("POST", "/reindex", embedder="nobody"))[0] in (404, 409, 422)


async def test_a_search_for_nothing_is_refused(library: Library) -> None:
    await library.put("a.md", NOTE)
    for nothing in ("", " "):
        status, refused = await library.ask("GET", "/search", q=nothing)
        assert (status, refused["error"]["code"]) == (422, "input.invalid")


async def test_vectors_are_made_in_the_background(library: Library) -> None:
    await library.put("a.md", NOTE)
    status, asked = await library.ask("POST", "/reindex", embedder="small", switch="true", background="true")
    assert status == 202
    while (found := (await library.ask("GET", "/generations"))[1])["is_reindexing"]:
        await asyncio.sleep(0.05)
    assert found["generations"][0]["embedder"] == asked["embedder"]
    assert await library.found(q="bicycles") == ["a.md"]


@pytest.mark.parametrize("label", ["hr", "everyone"])
async def test_a_restricted_document_is_nowhere_for_who_may_not_see_it(library: Library, label: str) -> None:
    """The reader's key has no labels."""
    await library.put("travel.pdf", RULES, label=label, metadata='{"review_by": "2020-01-31"}')
    await library.put("copy.pdf", RULES)
    sees = label == "everyone"
    for path in ("/travel.pdf", "/travel.pdf/page/3.png"):
        assert (await library.raw("GET", path, role="reader"))[0] == (200 if sees else 404)
    _, search = await library.ask("GET", "/search", role="reader", q="hotel limit")
    _, shown = await library.ask("GET", "", role="reader")
    _, report = await library.ask("GET", "/report", role="reader")
    for answer in (search, shown, report):
        assert ("travel.pdf" in json.dumps(answer)) is sees


async def test_only_who_may_ingest_hands_in_and_deletes(library: Library) -> None:
    await library.put("a.md", NOTE)
    for role in ("caller", "reader"):
        assert (await library.ask("POST", "/documents", role=role, body=NOTE, path="b.md"))[0] == 403
        assert (await library.ask("DELETE", "/a.md", role=role))[0] == 403
