"""What a search gives: the visible passages of the live base, or of the base as it was, that meet the conditions."""

import asyncio
from dataclasses import replace

import pytest
from shelf import ADMIN, SOMEBODY, Shelf

from steadyhand.errors import InvalidInput, NotFound, UsageError
from steadyhand.knowledge.erase import erase_documents
from steadyhand.knowledge.index import filters
from steadyhand.knowledge.search.searcher import Searcher
from steadyhand.storage import Database
from steadyhand.storage.database import Params, Row
from steadyhand.types.json import JsonObject
from steadyhand.types.run import Principal
from steadyhand.types.search import Condition

HR = Principal("clerk", "caller", labels=frozenset({"hr"}))


@pytest.fixture
async def shelf(database: Database) -> Shelf:
    return await Shelf.of(database)


def sources(passages: list) -> list[str]:
    return sorted(passage.source for passage in passages)


async def test_a_passage_says_where_it_is_from_and_what_is_known_of_its_document(shelf: Shelf) -> None:
    await shelf.put("travel.md", "Hotels cost 120 EUR.", "Trains come first.", metadata={"department": "hr"})
    retrieval = await shelf.ask("hotels")
    [first, second] = retrieval.passages
    assert (first.text, first.source, first.title) == ("Hotels cost 120 EUR.", "travel.md", "Title of travel.md")
    assert (first.metadata, first.language, first.url, first.review_by) == ({"department": "hr"}, "en", "", None)
    assert first.bm25 > 0 == second.bm25
    assert first.score == 1 > second.score
    assert retrieval.snapshot == "shelf@1"


async def test_a_chunk_whose_vector_is_not_made_yet_is_found_by_its_words(shelf: Shelf) -> None:
    await shelf.put("travel.md", "Hotels cost 120 EUR.", embed=False)
    assert sources(await shelf.found("hotels")) == ["travel.md"]
    await shelf.put("leave.md", "Vacation is 30 days.")
    assert sources(await shelf.found("hotels")) == ["leave.md", "travel.md"]


async def test_nobody_sees_a_document_without_one_of_its_labels(shelf: Shelf) -> None:
    await shelf.put("open.md", "The bonus is public.")
    await shelf.put("hr.md", "The bonus of the director.", labels=["hr", "board"])
    await shelf.put("none.md", "The bonus of nobody.", labels=[])
    assert sources(await shelf.found("bonus")) == ["open.md"]
    assert sources(await shelf.found("bonus", who=HR)) == ["hr.md", "open.md"]
    assert sources(await shelf.found("bonus", who=ADMIN)) == ["hr.md", "none.md", "open.md"]


async def test_a_revoked_label_counts_at_once_whatever_is_remembered(shelf: Shelf) -> None:
    await shelf.put("open.md", "The bonus is public.")
    await shelf.put("hr.md", "The bonus of the director.", labels=["hr"])
    assert sources(await shelf.found("bonus", who=HR)) == ["hr.md", "open.md"]
    await shelf.database.execute("UPDATE document SET labels = '{board}' WHERE path = 'hr.md'")  # not even counted
    assert sources(await shelf.found("bonus", who=HR)) == ["open.md"]
    await shelf.relabel("hr.md", "hr")
    assert sources(await shelf.found("bonus", who=HR)) == ["hr.md", "open.md"]


async def test_hidden_passages_do_not_take_the_place_of_visible_ones(shelf: Shelf) -> None:
    for number in range(30):
        texts = [f"The bonus {number} {part}." for part in range(20)]
        await shelf.put(f"secret-{number}.md", *texts, labels=["board"])
    await shelf.put("open.md", "What everybody gets as a bonus is said in spring, together with many other things.")
    assert sources(await shelf.found("bonus")) == ["open.md"]


METADATA: dict[str, JsonObject] = {
    "a.md": {"department": "hr", "year": 2023, "tags": ["travel", "leave"], "due": "2024-03-01", "draft": True},
    "b.md": {"department": "it", "year": 2024, "tags": ["travel"], "due": "2024-11-15", 'odd "key" $.x': "yes"},
    "c.md": {"department": "IT", "year": "2024", "tags": [], "due": None},
    "d.md": {},
}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"department": "hr"}, "a"),
        ({"department": {"ne": "hr"}}, "bc"),
        ({"department": {"in": ["hr", "IT"]}}, "ac"),
        ({"year": 2024}, "b"),
        ({"year": {"gte": 2023}}, "ab"),
        ({"year": {"gt": 2023, "lt": 2025}}, "b"),
        ({"year": {"ne": 2024}}, "ac"),
        ({"year": 2024.0}, "b"),
        ({"tags": "travel"}, "ab"),
        ({"tags": {"ne": "travel"}}, ""),
        ({"tags": {"in": ["leave", "pay"]}}, "a"),
        ({"due": {"lt": "2024-06"}}, "a"),
        ({"due": {"ne": "2024-03-01"}}, "b"),
        ({"draft": True}, "a"),
        ({"draft": {"ne": False}}, "a"),
        ({"missing": {"ne": "x"}}, ""),
        ({'odd "key" $.x': "yes"}, "b"),
        ({"department": '" || true || @ == "'}, ""),
        ({"department": "%s %(sees)s \\ ' ; --"}, ""),
        ({"source": "b.md"}, "b"),
        ({"source": {"gte": "b", "lt": "d"}}, "bc"),
        ({"title": {"in": ["Title of a.md", "Title of d.md"]}}, "ad"),
        ({"language": {"ne": "de"}}, "abcd"),
        ({"added": {"gte": "2000-01-01"}}, "abcd"),
        ({"added": {"lt": "2000-01-01"}}, ""),
        ({"department": "it", "year": {"gte": 2024}}, "b"),
    ],
)
async def test_conditions_mean_what_they_say(shelf: Shelf, where: JsonObject, expected: str) -> None:
    for path, metadata in METADATA.items():
        await shelf.put(path, f"Some text about {path}.", metadata=metadata)
    found = sources(await shelf.found("text", where=filters.parse(where)))
    assert found == [f"{name}.md" for name in expected]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"year": {"above": 3}}, "expected a comparison"),
        ({"year": {}}, "expected a value or a comparison"),
        ({"year": {"gte": True}}, "a number or a text behind `gte`"),
        ({"year": None}, "a text, a number, true or false"),
        ({"year": [2024]}, "a text, a number, true or false"),
        ({"year": {"in": 2024}}, "a list of 1 to 64 values"),
        ({"year": {"in": []}}, "a list of 1 to 64 values"),
        ({"year": {"in": [{"a": 1}]}}, "a text, a number, true or false"),
        ({"year": float("nan")}, "a finite number"),
        ({"year": 10**200}, "a number of at most 100 digits"),
        ({"": 1}, "the name of a field"),
        ({"a\x00b": 1}, "the name of a field"),
        ({"name": "\ud800"}, "a text, a number, true or false"),
        ({"name": "x" * 2_000}, "a text, a number, true or false"),
        ({"title": 3}, "expected a text"),
        ({f"field{number}": 1 for number in range(65)}, "at most 64 conditions"),
    ],
)
def test_a_condition_that_cannot_be_says_what_was_expected(where: JsonObject, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        filters.parse(where)


async def test_an_unknown_comparison_of_a_program_is_an_error_and_never_ignored(shelf: Shelf) -> None:
    await shelf.put("a.md", "Some text.")
    with pytest.raises(InvalidInput, match="expected a comparison"):
        await shelf.found("text", where=(Condition("year", "like", "x"),))  # type: ignore[arg-type]


async def test_the_base_as_it_was_is_found_again(shelf: Shelf) -> None:
    first = await shelf.put("a.md", "Hotels cost 120 EUR.")
    second = await shelf.put("b.md", "Hotels have breakfast.")
    third = await shelf.put("a.md", "Hotels cost 90 EUR.")
    await shelf.remove("b.md")
    before = await shelf.ask("hotels", as_of=second, who=ADMIN)
    assert before.snapshot == f"shelf@{second}"
    assert {passage.text for passage in before.passages} == {"Hotels cost 120 EUR.", "Hotels have breakfast."}
    assert [passage.text for passage in await shelf.found("hotels", as_of=first)] == ["Hotels cost 120 EUR."]
    texts = {passage.text for passage in await shelf.found("hotels", as_of=third, who=ADMIN)}
    assert texts == {"Hotels cost 90 EUR.", "Hotels have breakfast."}
    assert [passage.text for passage in await shelf.found("hotels")] == ["Hotels cost 90 EUR."]
    assert await shelf.found("hotels", as_of=0) == []


async def test_the_scores_of_a_snapshot_do_not_change(shelf: Shelf) -> None:
    for number in range(12):
        then = await shelf.put(
            f"{number}.md", f"Hotel number {number} costs {number * 10} EUR.", "Trains are late."
        )
    before = (await shelf.ask("hotel number 3", who=ADMIN)).passages
    for number in range(6):
        await shelf.put(f"{number}.md", f"Another hotel {number}.", "Hotels everywhere, hotels hotels.")
    after = await shelf.ask("hotel number 3", as_of=then, who=ADMIN)
    assert [(p.chunk_id, round(p.bm25, 4)) for p in after.passages] == [
        (p.chunk_id, round(p.bm25, 4)) for p in before
    ]


async def test_what_was_erased_or_is_hidden_now_is_not_found_in_the_base_as_it_was(shelf: Shelf) -> None:
    await shelf.put("a.md", "Hotels cost 120 EUR.")
    await shelf.put("b.md", "Hotels have breakfast.")
    then = await shelf.put("c.md", "Hotels are far.")
    await shelf.relabel("b.md", "hr")
    await erase_documents(shelf.database, "shelf", ["a.md"])
    assert sources(await shelf.found("hotels", as_of=then)) == ["c.md"]
    assert sources(await shelf.found("hotels", as_of=then, who=ADMIN)) == ["b.md", "c.md"]


@pytest.mark.parametrize("revision", [-1, 3])
async def test_a_revision_that_never_was_is_an_error(shelf: Shelf, revision: int) -> None:
    await shelf.put("a.md", "Hotels.")
    with pytest.raises(NotFound, match="expected a revision of 'shelf' from 0 to 1"):
        await shelf.found("hotels", as_of=revision)


async def test_another_wording_finds_what_the_question_does_not_say(shelf: Shelf) -> None:
    await shelf.put("a.md", "The vacation days of employees.")
    await shelf.put("b.md", "Leave is granted by the manager.")
    [first, second] = await shelf.found("vacation", "leave")
    assert (first.source, second.source) == ("a.md", "b.md")
    assert second.bm25 > 0
    [alone, _] = await shelf.found("vacation")
    assert alone.score == first.score


@pytest.mark.parametrize("count", [0, 9])
async def test_a_search_takes_one_to_eight_wordings(shelf: Shelf, count: int) -> None:
    await shelf.put("a.md", "Hotels.")
    with pytest.raises(UsageError, match=f"found {count}"):
        await shelf.found(*["hotels"] * count)


async def test_each_language_of_the_base_is_asked_in_its_own_words(shelf: Shelf) -> None:
    await shelf.put("de.md", "Die Erstattung der Reisekosten.", language="de")
    await shelf.put("en.md", "The reimbursement of travel.", language="en")
    [first, *_] = await shelf.found("Erstattungen")
    assert first.bm25 >= 0
    assert sources(await shelf.found("travels")) == ["de.md", "en.md"]


class Counting(Database):
    statements = 0

    async def rows(self, sql: str, params: Params = ()) -> list[Row]:
        self.statements += 1
        return await super().rows(sql, params)


async def test_a_search_is_three_statements(shelf: Shelf) -> None:
    await shelf.put("a.md", "Hotels cost 120 EUR.", labels=["hr"])
    counting = Counting(shelf.database.url, max_connections=2)
    await counting.open()
    shelf.search = Searcher(counting, shelf.search._embedders, lambda base: "internal")
    await shelf.found("hotels", who=HR)  # what is remembered is read
    counting.statements = 0
    await shelf.found("hotels", who=HR)
    assert counting.statements == 3
    await counting.close()


async def test_searches_while_documents_change_are_of_one_state(shelf: Shelf) -> None:
    async def change() -> None:
        for number in range(30):
            await shelf.put("a.md", f"Hotel limit {number} EUR.", f"Train limit {number} EUR.")

    await shelf.put("a.md", "Hotel limit 0 EUR.", "Train limit 0 EUR.")
    changing = asyncio.create_task(change())
    while not changing.done():
        passages = await shelf.found("limit EUR")
        assert len({passage.version_id for passage in passages}) <= 1
        assert len(passages) in (0, 2)
    await changing
    assert len(await shelf.found("limit EUR", who=replace(SOMEBODY, name="other"))) == 2
