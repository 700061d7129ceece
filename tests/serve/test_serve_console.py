"""The console's pages: reachable, well-formed, and deaf to what documents and callers try to say through them."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from lxml import html
from served_site import HOSTILE, HOTEL, Site

from house import FEATURE
from steadyhand import plugins
from steadyhand.knowledge.contents import BaseSummary
from steadyhand.review.tasks import OpenTask
from steadyhand.serve.console import formats, render
from steadyhand.serve.console.pages import overview
from steadyhand.serve.console.pages.document import _span
from steadyhand.serve.console.pages.run import in_order
from steadyhand.types.feature import Value

FOLDER = "serve.console.pages"


@pytest.fixture(scope="session")
async def addresses(site: Site) -> list[str]:
    """At least one address of every page, of runs and documents that attack whoever looks at them."""
    output = {"answer": f"{HOTEL} {HOSTILE}", "found": True, "citations": [{"passage": 1, "quote": HOTEL}]}
    runs = []
    async with site.client() as client:
        site.says(output)
        runs.append((await client.run("answers", {"question": f"What may a hotel cost? {HOSTILE}"})).run_id)
        site.says({"queue": "billing", "remark": HOSTILE})
        runs.append((await client.run("sorter", {"subject": HOSTILE})).run_id)
        site.says({"queue": HOSTILE})
        with pytest.raises(Exception, match="no output passed"):
            await client.run("sorter", {"subject": HOSTILE})
        listed = (await client.get_run(runs[0]))["run"]
    runs.append(await gateway_call(site))
    await site.workspace.switches.off("openai:gpt-4o", reason=HOSTILE, by=HOSTILE)
    span = listed["evidence"][0]
    return [
        "/", "/docs", "/console/runs", "/console/runs?status=failed&feature=%3Cscript%3E", "/console/knowledge",
        "/console/models", "/console/features/passthrough", "/console/runs?feature=passthrough",
        *(f"/console/runs/{run}" for run in runs), "/console/runs?feature=sorter&status=failed",
        "/console/features/sorter", "/console/features/answers", "/console/features/broken",
        "/console/knowledge/notes", "/console/report/notes", "/console/knowledge/notes?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        f"/console/knowledge/notes/travel.md?start={span['start']}&end={span['end']}",
        "/knowledge/notes/travel.md?page=1", "/knowledge/notes/evil%20%3Ci%3Ename%20%26%20co.txt?page=1&start=0&end=500",
        "/console/nowhere%3Cscript%3E", "/console/runs/%3Cscript%3Ealert(1)%3C/script%3E",
    ]  # fmt: skip


async def gateway_call(site: Site, words: str = HOSTILE) -> str:
    """The id of a run of `passthrough`."""
    site.says(words)
    body = {"model": "test:m", "messages": [{"role": "user", "content": words}], "user": words}
    async with site.http.post(site.url + "/v1/chat/completions", json=body, headers=site.bearer()) as answer:
        assert answer.status == 200
        run_id = answer.headers["X-Run-Id"]
    async with asyncio.timeout(10):
        while not await site.workspace.database.row("SELECT 1 FROM run WHERE id = %s", [run_id]):
            await asyncio.sleep(0.02)
    return run_id


async def page(site: Site, address: str) -> tuple[int, str, html.HtmlElement]:
    headers = {**site.bearer("reader"), "Accept": "text/html"}
    async with site.http.get(site.url + address, headers=headers) as answer:
        text = await answer.text()
        assert answer.headers["Content-Type"].startswith("text/html"), address
        return answer.status, text, html.document_fromstring(text)


async def test_every_page_has_a_template_and_is_looked_at_by_these_tests(addresses: list[str]) -> None:
    for name in plugins.names(FOLDER):
        assert (render.TEMPLATES / f"{name}.html").is_file()
        pattern = re.sub(r"\{[^}]*:path\}", ".+", plugins.load(FOLDER, name).PATH)
        pattern = re.sub(r"\{[^}]*\}", "[^/]+", pattern)
        assert any(re.fullmatch(pattern, address.partition("?")[0]) for address in addresses), name


async def test_no_text_of_a_document_a_caller_or_a_model_becomes_markup(site: Site, addresses: list[str]) -> None:
    shown = 0
    for address in addresses:
        _, text, tree = await page(site, address)
        assert "<script" not in text, address
        assert "onerror=" not in re.sub(r"&lt;img[^>]*?onerror=", "", text), address
        assert not tree.xpath("//script | //style | //*[@style] | //i | //b | //img[not(@src and @alt='')]"), (
            address
        )
        assert not [name for name in tree.xpath("//@*") if name.attrname.startswith("on")], address
        shown += HOSTILE in tree.text_content()
    assert shown >= 4  # the texts are there, as text


async def test_every_page_stands_on_its_own_files_and_has_one_heading(site: Site, addresses: list[str]) -> None:
    for address in addresses:
        status, _, tree = await page(site, address)
        assert status in (200, 400, 404), address
        assert len(tree.xpath("//h1")) == 1, address
        assert tree.xpath("//title")[0].text_content().strip()
        assert tree.get("lang") == "en"
        for link in tree.xpath("//link/@href | //img/@src | //a/@href | //form/@action"):
            assert link.startswith(("/", "#")), (address, link)
            assert not link.startswith("//")


async def test_every_link_of_the_console_leads_somewhere(site: Site, addresses: list[str]) -> None:
    links: set[str] = set()
    for address in addresses:
        _, _, tree = await page(site, address)
        links |= {link for link in tree.xpath("//a/@href | //link/@href | //img/@src") if link.startswith("/")}
    assert len(links) > 15
    for link in sorted(links):
        async with site.http.get(site.url + link, headers=site.bearer("reader")) as answer:
            assert answer.status == 200, link


async def test_the_overview_says_what_is_wrong_what_it_costs_and_what_it_is_worth(
    site: Site, addresses: list[str]
) -> None:
    _, _, tree = await page(site, "/")
    said = tree.text_content()
    assert "the contract of broken is broken" in said
    assert "could not be read" not in said  # nobody knows who may see what was never read
    async with site.http.get(site.url + "/", headers={**site.bearer("admin"), "Accept": "text/html"}) as answer:
        assert "1 file of notes could not be read" in await answer.text()
    assert "of sorter gave no answer" in said
    assert "$0.00" in said


async def test_a_call_of_the_gateway_shows_what_was_said_and_why_by_whom(site: Site) -> None:
    run_id = await gateway_call(site, "Say hello.")
    _, _, tree = await page(site, f"/console/runs/{run_id}")
    turns = [" ".join(turn.text_content().split()) for turn in tree.xpath("//ol[@class='turns']/li")]
    assert turns == ["user Say hello.", 'test:m "Say hello."']
    facts = {fact[0].text: fact[1].text for fact in tree.xpath("//dl[@class='facts wide']/div")}
    assert (facts["asked for"], facts["end user"], facts["model"]) == ("test:m", "Say hello.", "test:m")
    headings = [heading.text for heading in tree.xpath("//h2")]
    assert headings == ["What was said", "Why these models", "Guardrails", "Model calls"]
    async with site.http.get(f"{site.url}/runs/{run_id}", headers=site.bearer("reader")) as answer:
        trace = await answer.json()
    assert (trace["run"]["feature"], trace["calls"][0]["answer"]) == ("passthrough", '"Say hello."')


async def test_models_tell_how_they_fare_and_what_is_switched_off(site: Site, addresses: list[str]) -> None:
    _, _, tree = await page(site, "/console/models")
    [row] = tree.xpath("//tr[td[1] = 'test:m']")
    assert row[1].text_content().split() == ["●", "on"]
    said = tree.text_content()
    assert "steadyhand route on openai:gpt-4o" in said
    assert site.keys["admin"][:10] not in said  # a reader sees no keys
    async with site.http.get(site.url + "/console/models", headers=site.bearer("admin")) as answer:
        assert site.keys["admin"][:10] in await answer.text()


async def test_a_citation_opens_at_its_words(site: Site, addresses: list[str]) -> None:
    address = next(address for address in addresses if "start=" in address and "travel" in address)
    _, _, tree = await page(site, address)
    assert tree.xpath("//mark[@id='span']")[0].text_content() == HOTEL


async def test_the_same_address_is_a_page_for_browsers_and_json_for_programs(site: Site) -> None:
    async with site.http.get(site.url + "/knowledge/notes/travel.md", headers=site.bearer()) as answer:
        assert (await answer.json())["pages"] == 1
    status, _, _ = await page(site, "/knowledge/notes/travel.md")
    assert status == 200


async def test_a_caller_is_told_why_the_console_is_closed_to_them(site: Site) -> None:
    async with site.http.get(site.url + "/", headers=site.bearer("caller")) as answer:
        assert answer.status == 403
        text = await answer.text()
    assert "has the role caller" in text
    assert "Sign out and use another key" in text
    assert "To the overview" not in text


async def test_static_files_may_be_kept_because_their_address_changes_with_them(site: Site) -> None:
    _, _, tree = await page(site, "/")
    (style,) = tree.xpath("//link[@rel='stylesheet']/@href")
    async with site.http.get(site.url + style, headers=site.bearer("reader")) as answer:
        assert answer.headers["Content-Type"].startswith("text/css")
        assert "immutable" in answer.headers["Cache-Control"]
        assert "url(" not in await answer.text()


def test_worth_counts_answered_runs_at_the_contracts_rates() -> None:
    valued = replace(FEATURE, value=Value(baseline_minutes=30, hourly_cost=Decimal(40), currency="EUR"))
    found = overview.worth(
        [valued, replace(FEATURE, name="free")], {"answers": {"answered": 3}, "free": {"answered": 9}}
    )
    assert (found.hours, found.money, found.runs) == (1.5, {"EUR": Decimal(60)}, 3)


def test_only_what_needs_somebody_is_a_concern() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    early, late = (OpenTask("R", "triage", "why", now + timedelta(hours=hours)) for hours in (1, -1))
    fine = {"feature": "triage", "runs": 8, "problems": 0, "invalid": 0, "fallbacks": 0}
    base = BaseSummary(name="notes", documents=1, chunks=1, failed=0, revision=1, embedder="e")
    assert overview.concerns({}, [fine], [early], [base], now) == []
    (concern,) = overview.concerns({}, [fine], [early, late], [base], now)
    assert concern.text == "1 review of triage overdue"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"fallbacks": 6}, ["6 of 8 runs of triage ended in the fallback (75 %)"]),
        ({"problems": 2}, ["2 of 8 runs of triage gave no answer (25 %)"]),
        ({"problems": 2, "invalid": 2}, []),
    ],
)
def test_fallbacks_and_failures_are_wrong_and_a_callers_own_mistake_is_not(
    row: dict[str, object], expected: list[str]
) -> None:
    total = {"feature": "triage", "runs": 8, "problems": 0, "invalid": 0, "fallbacks": 0, **row}
    found = overview.concerns({}, [total], [], [], datetime(2026, 1, 1, tzinfo=UTC))
    assert [concern.text for concern in found] == expected


def test_fields_are_shown_in_the_order_of_the_contract() -> None:
    schema = {"properties": {"b": {}, "a": {}}}
    assert list(in_order({"z": 1, "a": 1, "b": 1}, schema)) == ["b", "a", "z"]
    assert list(in_order({"z": 1}, {})) == ["z"]


@pytest.mark.parametrize(
    ("offset", "start", "end", "quote"),
    [(0, 0, 5, "Hello"), (100, 106, 111, "world"), (100, 0, 105, "Hello"), (100, 106, 999, "world"),
     (100, 0, 100, None), (100, 111, 200, None), (0, 5, 5, None), (0, 5, 2, None), (0, None, 5, None)],
)  # fmt: skip
def test_a_span_is_cut_to_its_page(offset: int, start: int | None, end: int | None, quote: str | None) -> None:
    span = _span("Hello world", offset, start, end)
    assert (span and span["quote"]) == quote


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "price unknown"), ("0", "$0.00"), ("12.347", "$12.35"), ("0.01", "$0.01"), ("0.00123", "$0.0012"),
     ("0.0000001", "$0.00000010"), ("1234.5", "$1,234.50")],
)  # fmt: skip
def test_money_shows_the_digits_that_count(value: str | None, text: str) -> None:
    assert formats.money(None if value is None else Decimal(value)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.00004, "40 µs"), (0.0012, "1.2 ms"), (0.0384, "38 ms"), (0.9999, "1 s"), (1.239, "1.24 s"), (185, "3 min 5 s"),
     (10.0, "10 s"), (1800, "30 min"), (7500, "2 h 5 min"), (7200, "2 h")],
)  # fmt: skip
def test_durations_are_short(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


def test_metadata_read_as_words_where_they_are_such() -> None:
    assert formats.fact("ann@example.org") == "ann@example.org"
    assert formats.fact(["ann@example.org", "bob@example.org"]) == "ann@example.org, bob@example.org"
    assert formats.fact(2026) == "2026"
    assert formats.fact([1, 2]).split() == ["[", "1,", "2", "]"]
