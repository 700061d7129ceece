"""The console's pages about knowledge: what is there, what is under way, what wants a look, and the words themselves."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import html
from served_site import Site

from steadyhand.errors import DocumentUnreadable, NotFound
from steadyhand.knowledge.contents import BaseSummary
from steadyhand.knowledge.erase import erase_base
from steadyhand.knowledge.ingest.following import OUTCOMES, SourceState, SourceStatus
from steadyhand.knowledge.ingest.upkeep import Followed
from steadyhand.knowledge.ingest.uploads import Upload
from steadyhand.serve.console.pages import knowledge
from steadyhand.types.json import Json
from steadyhand.workspace import OWNER

POLICIES = Path(__file__).parents[2] / "examples" / "company" / "knowledge" / "policies"
TRAVEL = (POLICIES / "travel-policy.pdf").read_bytes()
NEWER = (POLICIES / "data-protection.pdf").read_bytes()
LIMIT = "In all other places the limit is EUR 110"
NOTE = b"# Parking\n\nBicycles stand in the yard, never in the hall.\n"


class Shelf:
    """A base of its own, looked at by somebody who reads."""

    def __init__(self, site: Site) -> None:
        self.site = site

    async def put(self, path: str, content: bytes = NOTE, label: str = "", **metadata: Json) -> None:
        labels = frozenset({label}) if label else None
        await self.site.workspace.uploads.add(
            "shelf", Upload(path=path, content=content, labels=labels, metadata=metadata)
        )

    async def page(self, address: str, role: str = "admin", **query: str) -> html.HtmlElement:
        headers = {**self.site.bearer(role), "Accept": "text/html"}
        async with self.site.http.get(self.site.url + address, params=query, headers=headers) as answer:
            assert answer.status == 200
            return html.document_fromstring(await answer.text())

    async def text(self, address: str, **query: str) -> str:
        return " ".join((await self.page(address, **query)).text_content().split())


@pytest.fixture
async def shelf(site: Site) -> AsyncIterator[Shelf]:
    yield Shelf(site)
    with suppress(NotFound):
        await erase_base(site.workspace.database, "shelf")


def status(state: SourceState, *, done: int, total: int, error: str = "") -> SourceStatus:
    now = datetime(2026, 3, 7, 9, 5, tzinfo=UTC)
    outcomes = dict.fromkeys(OUTCOMES, 0) | {"added": done}
    return SourceStatus(
        "shelf",
        "notes",
        1,
        state,
        total,
        outcomes,
        "source.unreadable",
        error,
        "",
        now,
        None if done < total else now,
    )


def source(known: SourceStatus | None, *, is_running: bool = False) -> Followed:
    return Followed(place="notes", is_declared=True, is_running=is_running, every="1h", next_at=None, status=known)


def test_a_base_is_in_order_when_its_sources_and_files_are() -> None:
    base = BaseSummary(name="shelf", documents=1, chunks=1, failed=0, revision=1, embedder="e")
    assert knowledge.line(base, [source(status("done", done=3, total=3))]).wrong == ()
    assert knowledge.line(base, [source(None)]).wrong == ("notes was never looked at",)
    failed = knowledge.line(base, [source(status("failed", done=0, total=0, error="it is not there"))])
    assert failed.wrong == ("notes: it is not there",)
    running = knowledge.line(base, [source(status("bringing", done=1, total=4), is_running=True)])
    assert [(one.done, one.total) for one in running.running] == [(1, 4)]


async def test_a_base_shows_its_documents_with_labels_and_what_is_wrong_with_them(shelf: Shelf) -> None:
    await shelf.put("pay.md", label="hr", review_by="2020-01-31")
    await shelf.put("parking.md")
    with suppress(DocumentUnreadable):
        await shelf.put("broken.pdf", b"%PDF-1.4 but no more")
    tree = await shelf.page("/console/knowledge/shelf")
    rows = [" ".join(row.text_content().split()) for row in tree.xpath("//section[h2='Documents']//tbody/tr")]
    assert [row[: row.index(" 1 1 ")] for row in rows] == [
        "parking.md Parking everyone",
        "pay.md ◷ stale Parking hr",
    ]
    assert "broken.pdf expected a PDF" in await shelf.text("/console/knowledge/shelf")
    assert "handed in one by one ● done" in await shelf.text("/console/knowledge/shelf")
    assert "1 file could not be read" in await shelf.text("/console/knowledge")
    assert "pay.md" not in await shelf.text("/console/knowledge/shelf", role="reader")


async def test_documents_are_found_by_path_or_title(shelf: Shelf) -> None:
    await shelf.put("a.md")
    await shelf.put("b.md", b"# Lunch\n\nAt noon.\n")
    shown = await shelf.text("/console/knowledge/shelf", containing="lunch")
    assert ("b.md Lunch" in shown, "a.md" in shown) == (True, False)
    assert "No document is called like that." in await shelf.text("/console/knowledge/shelf", containing="zebra")


async def test_a_search_keeps_to_its_filter_and_says_what_is_wrong_with_it(shelf: Shelf) -> None:
    await shelf.put("a.md", year=2024)
    await shelf.put("b.md", NOTE + b"Or at home.\n", year=2026)
    tree = await shelf.page("/console/knowledge/shelf", q="bicycles", filter='{"year": 2026}')
    [link] = tree.xpath("//ol[contains(@class, 'found')]//a")
    assert link.text == "b.md, page 1"
    assert link.get("href").endswith("#span")
    shown = await shelf.text("/console/knowledge/shelf", q="bicycles", filter="year=2026")
    assert "filter: expected one JSON object" in shown
    assert 'write filter={"department": "hr"' in shown


async def test_a_page_of_a_pdf_stands_beside_its_text_with_the_words_marked(shelf: Shelf) -> None:
    await shelf.put("travel.pdf", TRAVEL)
    page = "/knowledge/shelf/travel.pdf"
    whole = (await shelf.page(page, page="3")).xpath("string(//article)")
    offset = (await shelf.site.workspace.knowledge.page("shelf", "travel.pdf", 3, OWNER))["start"]
    start = offset + whole.index(LIMIT)
    tree = await shelf.page(page, page="3", start=str(start), end=str(start + len(LIMIT)))
    assert tree.xpath("string(//mark[@id='span'])") == LIMIT
    [picture] = tree.xpath("//figure//img/@src")
    async with shelf.site.http.get(shelf.site.url + picture, headers=shelf.site.bearer()) as answer:
        assert (answer.status, answer.headers["X-Marked"]) == (200, "true")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_an_older_text_says_so_and_leads_to_the_new_one(shelf: Shelf) -> None:
    await shelf.put("travel.pdf", TRAVEL)
    await shelf.put("travel.pdf", NEWER)
    now = await shelf.page("/knowledge/shelf/travel.pdf")
    assert "An older text." not in now.text_content()
    [older] = now.xpath("//h3[.='Its texts']/following-sibling::ul//a/@href")
    then = await shelf.page(older)
    assert "An older text." in then.text_content()
    assert then.xpath("string(//h1)") == "Travel policy"
    assert then.xpath("//a[.='What it says now']/@href") == ["/knowledge/shelf/travel.pdf?page=1"]
    assert all("version=" in link for link in then.xpath("//nav[@aria-label='Pages']/a/@href"))


async def test_the_report_says_what_to_do_about_each_thing(shelf: Shelf) -> None:
    await shelf.put("old.md", review_by="2020-01-31")
    await shelf.put("copy.md")
    await shelf.put("secret.md", label="hr", review_by="2020-01-31")
    shown = await shelf.text("/console/report/shelf")
    assert "Stale 2 Read them again" in shown
    assert "Nearly the same 3 Keep one of the two" in shown
    shown = await shelf.text("/console/report/shelf", role="reader")
    assert "Stale 1 Read them again" in shown
    assert "secret.md" not in shown
