"""What becomes of the best passages of a search: order, no repetition, sections, a budget. Nothing without a wish."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.catalog.tokens import estimate
from steadyhand.knowledge.search.diversity import unlike
from steadyhand.knowledge.search.finder import Finder
from steadyhand.knowledge.search.rerank import Rerankers
from steadyhand.knowledge.search.sections import Section, expanded, sections, within
from steadyhand.knowledge.search.support import NEEDED, support
from steadyhand.knowledge.visible import StillVisible
from steadyhand.storage import Database
from steadyhand.types.passage import Passage, Retrieval
from steadyhand.types.run import Principal
from steadyhand.types.search import Finish, SearchRequest

SOMEBODY = Principal("somebody", "caller")
PAGE = "Hotels. A room costs 120 EUR. \nBreakfast is extra. Trains come before planes. Receipts are kept."


def passage(number: int, text: str, *, score: float = 0.5, start: int = 0, version: int = 1) -> Passage:
    return Passage(
        chunk_id=number, version_id=version, knowledge_base="base", source=f"{version}.md", title="", section="",
        page=1, start=start, end=start + len(text), text=text, data_class="internal", score=score, bm25=1.0,
        similarity=0.5,
    )  # fmt: skip


def sliced(number: int, text: str, *, score: float = 0.5) -> Passage:
    return passage(number, text, score=score, start=PAGE.index(text))


class Found:
    """A search that gives what it has, and remembers what was asked."""

    def __init__(self, *passages: Passage) -> None:
        self.passages = passages
        self.asked: list[SearchRequest] = []

    async def __call__(self, request: SearchRequest) -> Retrieval:
        self.asked.append(request)
        return Retrieval(self.passages[: request.top_k], "base@1")


def finder(search: Found, database: Database) -> Finder:
    return Finder(search, Rerankers(Path(), 1), database)


def request(top_k: int = 2, finish: Finish | None = None) -> SearchRequest:
    asked = SearchRequest(
        knowledge_base="base", queries=("What does a room cost?",), principal=SOMEBODY, top_k=top_k
    )
    return replace(asked, finish=finish) if finish else asked


async def test_without_a_wish_it_is_the_search_itself(database: Database) -> None:
    search = Found(*(passage(number, "the same") for number in range(5)))
    asked = request()
    found = await finder(search, database)(asked)
    assert found.passages == search.passages[:2]
    assert search.asked == [asked]


async def test_what_says_the_same_makes_room_for_what_says_more(database: Database) -> None:
    same = [
        passage(1, "A room costs 120 EUR."),
        passage(2, "a room\ncosts 120 EUR", version=2),
        passage(3, "Trains."),
    ]
    found = await finder(Found(*same), database)(request(finish=Finish(diversity=0.0)))
    assert [it.chunk_id for it in found.passages] == [1, 3]


@pytest.mark.parametrize("other", ["A room costs 130 EUR.", "A room never costs 120 EUR."])
def test_a_number_or_a_not_is_no_repetition(other: str) -> None:
    both = [passage(1, "A room costs 120 EUR."), passage(2, other, version=2)]
    assert unlike(both, 0.0, 2) == both


def test_diversity_takes_something_new_before_something_alike() -> None:
    first = passage(1, "A room in a hotel costs 120 EUR a night", score=0.9)
    alike = passage(2, "A room in a hotel costs 130 EUR a night", score=0.8)
    new = passage(3, "Trains come before planes", score=0.7)
    assert unlike([first, alike, new], 0.0, 3) == [first, alike, new]
    assert unlike([first, alike, new], 0.5, 3) == [first, new, alike]


@given(st.lists(st.text("ab 1.", max_size=12), max_size=8), st.floats(0, 1), st.integers(1, 8))
def test_diversity_gives_each_passage_once_and_the_best_first(texts: list[str], much: float, top_k: int) -> None:
    given_ = [passage(number, text, score=1 - number / 10) for number, text in enumerate(texts)]
    found = unlike(given_, much, top_k)
    assert len({it.chunk_id for it in found}) == len(found) <= top_k
    assert found[:1] == given_[:1]


@given(st.lists(st.integers(1, 400), max_size=12), st.integers(0, 500))
def test_a_budget_is_kept_and_filled_from_the_best_on(lengths: list[int], most: int) -> None:
    given_ = [passage(number, "x" * length) for number, length in enumerate(lengths)]
    kept = within(given_, most)
    assert sum(estimate([it.text]) for it in kept) <= most
    if given_ and estimate([given_[0].text]) <= most:
        assert kept[0] is given_[0]
    assert within(given_, None) == given_


def test_a_passage_grows_to_its_section_where_there_is_room() -> None:
    section = Section(0, PAGE)
    [found] = expanded([sliced(1, "A room costs 120 EUR.")], {1: section})
    assert (found.text, found.start, found.end) == (PAGE, 0, len(PAGE))
    small = sliced(1, "A room costs 120 EUR.")
    assert expanded([small], {1: section}, estimate([small.text]) + 5) == [small]


def test_passages_of_one_section_become_one_where_the_better_stood() -> None:
    other = passage(9, "Of another document.", version=2, score=0.6)
    parts = [sliced(1, "Receipts are kept.", score=0.9), other, sliced(2, "A room costs 120 EUR.", score=0.5)]
    found = expanded(parts, {1: Section(0, PAGE), 2: Section(0, PAGE)})
    assert [(it.chunk_id, it.score) for it in found] == [(1, 0.9), (9, 0.6)]
    assert found[0].text == PAGE


def test_neighbours_are_joined_where_the_section_is_too_long() -> None:
    parts = [
        sliced(1, "Breakfast is extra.", score=0.9),
        sliced(2, "Receipts are kept.", score=0.8),
        sliced(3, "A room costs 120 EUR.", score=0.7),
    ]
    room = sum(estimate([it.text]) for it in parts)
    found = expanded(parts, {number: Section(0, PAGE + " More." * 50) for number in (1, 2, 3)}, room)
    assert [it.text for it in found] == ["A room costs 120 EUR. \nBreakfast is extra.", "Receipts are kept."]
    assert all(PAGE[it.start : it.end] == it.text for it in found)


async def stored(database: Database, labels: str = "{everyone}") -> tuple[int, int]:
    """A base with a document of one page and one chunk; the ids of its version and its chunk."""
    row = await database.row(
        "WITH b AS (INSERT INTO knowledge_base (name, embedder) VALUES ('base', 'test') RETURNING id),"
        " d AS (INSERT INTO document (base_id, path, origin, labels) SELECT id, 'a.md', '', %s FROM b RETURNING id),"
        " v AS (INSERT INTO document_version (document_id, sha256, recipe, title, language, content)"
        "  SELECT id, '', '', '', 'en', %s FROM d RETURNING id),"
        " c AS (INSERT INTO chunk (base_id, version_id, ordinal, page, section, start, stop, body, term_count,"
        "   text_hash, slot, born, parent_start, parent_stop)"
        "  SELECT b.id, v.id, 0, 1, '', 8, 29, '', 1, '', 0, 1, 0, %s FROM b, v RETURNING id)"
        " SELECT v.id AS version, c.id AS chunk FROM v, c",
        [labels, PAGE, len(PAGE)],
    )
    assert row is not None
    return row["version"], row["chunk"]


async def test_a_section_is_read_from_the_text_of_the_version(database: Database) -> None:
    version, chunk = await stored(database)
    wanted = passage(chunk, PAGE[8:29], start=8, version=version)
    assert await sections(database, [wanted, passage(chunk + 1, "x")]) == {chunk: Section(0, PAGE)}
    found = await finder(Found(wanted), database)(request(finish=Finish(expand=True)))
    assert [it.text for it in found.passages] == [PAGE]


async def test_what_died_or_was_closed_is_not_visible_any_more(database: Database) -> None:
    version, _ = await stored(database, "{hr}")
    visible = StillVisible(database)
    hr = Principal("clerk", "caller", labels=frozenset({"hr"}))
    assert await visible([version], hr) == {version}
    assert await visible([version], Principal("boss", "admin")) == {version}
    assert await visible([version], SOMEBODY) == frozenset()
    await database.execute("UPDATE document_version SET died_at = now()")
    assert await visible([version], Principal("boss", "admin")) == frozenset()


def test_support_is_coverage_and_similarity_and_nothing_else() -> None:
    about = replace(passage(1, "A room in a hotel may cost 120 EUR."), similarity=0.6)
    off = replace(passage(2, "Tulips bloom in spring."), similarity=0.05)
    question = "What may a hotel room cost?"
    found = support(question, [off, about])
    assert found.score > 0.9
    assert (found.coverage, found.similarity) == (1.0, 0.6)
    assert support(question, [off]).score < NEEDED
    assert support(question, []).score == 0
    assert support("?", [off]).coverage == 0
