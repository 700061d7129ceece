"""A citation becomes evidence only when its words stand in the source."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.checks.citations import evidence, locate
from steadyhand.types.passage import Passage

HOTEL = "When the conference hotel is full,\n the limit may be exceeded by up to 20 % – with “approval”."
TRAIN = "First class is allowed on journeys of more than four hours."


def passage(text: str, source: str, start: int) -> Passage:
    return Passage(
        chunk_id=1,
        version_id=1,
        knowledge_base="policies",
        source=source,
        title="",
        section="",
        page=3,
        start=start,
        end=start + len(text),
        text=text,
        data_class="internal",
        score=1.0,
        bm25=1.0,
        similarity=1.0,
    )


PASSAGES = (passage(HOTEL, "travel.pdf", 100), passage(TRAIN, "train.pdf", 700))


@pytest.mark.parametrize(
    ("quote", "canonical"),
    [
        ("the conference hotel is full", "the conference hotel is full"),
        ("  hotel is full, the limit ", "hotel is full,\n the limit"),
        ('up to 20 % - with "approval"', "up to 20 % – with “approval”"),
    ],
)
def test_the_canonical_words_are_kept_at_their_own_offsets(quote: str, canonical: str) -> None:
    [found], problems = evidence([{"passage": 1, "quote": quote}], PASSAGES, "answer")
    assert problems == []
    assert found.quote == canonical == HOTEL[found.start - 100 : found.end - 100]
    assert (found.field, found.source, found.page, found.knowledge_base) == ("answer", "travel.pdf", 3, "policies")


@pytest.mark.parametrize("number", [1, 0, 9, -1, "2", None, True])
def test_a_quote_with_the_wrong_number_is_moved_to_the_passage_that_holds_it(number: object) -> None:
    [found], problems = evidence([{"passage": number, "quote": "more than four hours"}], PASSAGES, "answer")
    assert (found.source, problems) == ("train.pdf", [])


def test_the_field_may_be_named_by_the_citation() -> None:
    [found], _ = evidence([{"passage": 1, "quote": "conference hotel", "field": "total"}], PASSAGES, "answer")
    assert found.field == "total"


@pytest.mark.parametrize("quote", ["the", "is full", "conference"])
def test_words_that_every_source_has_prove_nothing(quote: str) -> None:
    found, problems = evidence([{"passage": 1, "quote": quote}], PASSAGES, "answer")
    assert found == ()
    assert "says too little" in problems[0]


@pytest.mark.parametrize(
    "quote", ["the limit may be exceeded by up to 30 %", "Conference Hotel", "", "  ", "—", "."]
)
def test_words_that_are_in_no_source_are_a_problem(quote: str) -> None:
    found, problems = evidence([{"passage": 1, "quote": quote}], PASSAGES, "answer")
    assert found == ()
    assert problems == [f"citation 1: expected words copied exactly from a source; {quote!r} is in none of them"]


@pytest.mark.parametrize("citations", ["x", {"passage": 1}, None, 3])
def test_citations_that_are_no_list_are_a_problem(citations: object) -> None:
    found, problems = evidence(citations, PASSAGES, "answer")
    assert found == ()
    assert problems[0].startswith("citations: expected a list")


def test_a_citation_of_the_wrong_form_is_a_problem_and_the_others_count() -> None:
    found, problems = evidence(["x", {"quote": 3}, {"passage": 2, "quote": "four hours"}], PASSAGES, "answer")
    assert [item.quote for item in found] == ["four hours"]
    assert [problem.split(":")[0] for problem in problems] == ["citation 1", "citation 2"]


@given(words=st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=9), data=st.data())
def test_every_piece_of_a_text_is_found_where_its_words_are(words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    start = data.draw(st.integers(0, len(words) - 1))
    quote = " ".join(words[start : data.draw(st.integers(start + 1, len(words)))])
    span = locate(quote, text)
    if any(char.isalnum() for char in quote):
        assert span is not None
        assert text[slice(*span)] == quote.strip()
    else:
        assert span is None


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("20 EUR a night", "at most 120 EUR a night"),
        ("234 EUR", "it costs 1,234 EUR"),
        ("it costs 1", "it costs 1.5 EUR"),
        ("reasonable", "that is unreasonable"),
        ("for 3", "valid for 30 days"),
        ("cafe", "the cafe\u0301"),
    ],
)
def test_a_part_of_a_word_or_a_number_is_no_quote(quote: str, text: str) -> None:
    assert locate(quote, text) is None


@pytest.mark.parametrize(
    ("quote", "text", "span"),
    [
        ("20 EUR", "120 EUR, else 20 EUR.", (14, 20)),
        ("京都", "東京都です", (1, 3)),
        ("20", "until 20, then 30", (6, 8)),
        ("end", "the end.", (4, 7)),
    ],
)
def test_a_quote_is_found_where_it_stands_by_itself(quote: str, text: str, span: tuple[int, int]) -> None:
    assert locate(quote, text) == span
