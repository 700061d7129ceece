"""Chunks are exact slices along the structure of a document."""

from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadyhand.knowledge.readers._draft import Draft
from steadyhand.knowledge.reading.chunking import chunks, context
from steadyhand.types.document import BlockKind, Chunk, Document


def count(texts: Sequence[str]) -> list[int]:
    """Like a WordPiece: four code points to a token, words do not share one."""
    return [sum(-(-len(word) // 4) for word in text.split()) for text in texts]


def words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def document(*pages: Sequence[tuple[str, str]], title: str = "Handbook") -> Document:
    """Pages of (kind, text); `h1`, `h2` are headings, and a table's first line is its header."""
    draft = Draft("handbook.txt")
    for page in pages:
        for kind, text in page:
            if kind.startswith("h"):
                draft.heading(text, int(kind[1:]))
            else:
                draft.add(kind, text, header_lines=int(kind == "table"))
        draft.end_page()
    return draft.document(title)


def texts(found: list[Chunk], source: Document) -> list[str]:
    return [source.text[chunk.start : chunk.end] for chunk in found]


_TEXT = st.text(st.sampled_from("aB1.! \n\t。é|-"), max_size=160) | st.text(max_size=60)
_KINDS = [kind if kind != "heading" else f"h{level}" for kind in get_args(BlockKind) for level in (1, 2)]
_PAGES = st.lists(st.lists(st.tuples(st.sampled_from(_KINDS), _TEXT), max_size=8), min_size=1, max_size=4)


@settings(max_examples=300)
@given(pages=_PAGES, max_tokens=st.integers(3, 40))
def test_chunks_cover_every_page_in_order_within_the_limit(
    pages: list[list[tuple[str, str]]], max_tokens: int
) -> None:
    source = document([("paragraph", "first")], *pages)
    found = chunks(source, count, max_tokens)
    end = 0
    for ordinal, chunk in enumerate(found):
        page = source.pages[chunk.page - 1]
        text = source.text[chunk.start : chunk.end]
        assert chunk.ordinal == ordinal
        assert page.start <= chunk.parent_start <= chunk.start < chunk.end <= chunk.parent_end <= page.end
        assert max(end, page.start) <= chunk.start < chunk.end <= page.end
        assert not source.text[end : chunk.start].strip()
        assert text.strip()
        assert count([text])[0] <= max_tokens
        assert chunk.section in {block.section for block in source.blocks if block.page == chunk.page}
        end = chunk.end
    assert not source.text[end:].strip()
    assert found == chunks(source, count, max_tokens)


@settings(max_examples=100)
@given(rows=st.lists(st.integers(1, 9), min_size=1, max_size=30), max_tokens=st.integers(10, 40))
def test_a_row_of_a_table_is_never_cut(rows: list[int], max_tokens: int) -> None:
    table = "\n".join(" ".join(["cell"] * cells) for cells in rows)
    source = document([("paragraph", "Before."), ("table", table), ("paragraph", "After.")])
    ends = {chunk.end for chunk in chunks(source, words, max_tokens)}
    assert all(end == len(source.text) or source.text[end] == "\n" for end in ends)


@settings(max_examples=30)
@given(pages=_PAGES, repeated=st.integers(1, 30))
def test_the_tokenizer_sees_a_text_a_bounded_number_of_times(
    pages: list[list[tuple[str, str]]], repeated: int
) -> None:
    seen = 0

    def counting(given: Sequence[str]) -> list[int]:
        nonlocal seen
        seen += sum(map(len, given))
        return count(given)

    source = document([("paragraph", "first")], *pages * repeated)
    chunks(source, counting, 10)
    assert seen <= 4 * len(source.text)


def test_sentences_are_counted_in_batches() -> None:
    calls = []

    def counting(given: Sequence[str]) -> list[int]:
        calls.append(len(given))
        return words(given)

    source = document([("paragraph", "One sentence. " * 50)] * 100)
    chunks(source, counting, 230)
    assert sum(calls) == 5_000
    assert len(calls) == 5


def test_blocks_are_joined_up_to_the_limit_and_kept_whole_where_they_can_be() -> None:
    sentence = "There are six words in here. "
    source = document([("paragraph", sentence * 3), ("paragraph", sentence * 3), ("paragraph", sentence * 4)])
    assert words(texts(chunks(source, words, 40), source)) == [36, 24]
    assert words(texts(chunks(source, words, 50), source)) == [36, 24]


def test_a_long_paragraph_is_cut_at_sentences_and_a_long_sentence_at_words() -> None:
    source = document([("paragraph", "One two three. Four five six. Seven eight nine.")])
    assert texts(chunks(source, words, 7), source) == ["One two three. Four five six.", "Seven eight nine."]
    assert texts(chunks(source, words, 2), source)[:2] == ["One two", "three. Four"]
    lines = document([("paragraph", "Berlin Germany 140\nParis France 180\nRome Italy 150")])
    assert texts(chunks(lines, words, 6), lines) == ["Berlin Germany 140\nParis France 180", "Rome Italy 150"]


def test_a_word_that_is_longer_than_a_chunk_is_cut_too() -> None:
    source = document([("paragraph", "x" * 100)])
    assert [len(text) for text in texts(chunks(source, count, 10), source)] == [30, 30, 30, 10]


def test_a_section_begins_a_chunk_and_its_heading_stays_with_it() -> None:
    body = "Ten words stand in this sentence so that it counts. "
    source = document(
        [("h1", "Travel"), ("h2", "Hotels"), ("paragraph", body), ("h2", "Meals"), ("paragraph", body)]
    )
    found = chunks(source, words, 40)
    assert [text.split("\n")[0] for text in texts(found, source)] == ["Travel", "Meals"]
    assert [chunk.section for chunk in found] == ["Travel > Hotels", "Travel > Meals"]


def test_small_sections_share_a_chunk_under_the_name_of_the_largest() -> None:
    source = document(
        [("h1", "A"), ("paragraph", "Two words."), ("h1", "B"), ("paragraph", "Here are four words.")]
    )
    found = chunks(source, words, 100)
    assert [chunk.section for chunk in found] == ["B"]


def test_a_heading_is_not_left_at_the_end_of_a_chunk() -> None:
    source = document([("paragraph", "word " * 9), ("h1", "Meals"), ("paragraph", "word " * 9)])
    assert texts(chunks(source, words, 10), source)[1].startswith("Meals")


def test_the_last_lines_of_a_page_are_not_a_chunk_of_their_own() -> None:
    sentence = "There are six words in here. "
    source = document([("paragraph", sentence * 6), ("paragraph", "Page 3")])
    assert words(texts(chunks(source, words, 36), source)) == [18, 20]
    assert words(texts(chunks(source, words, 40), source)) == [38]


def test_a_continued_table_tells_its_header_to_the_context_only() -> None:
    rows = [f"City{number} | {number}" for number in range(8)]
    source = document([("h1", "Hotels"), ("table", "\n".join(["City | Limit", *rows]))])
    found = chunks(source, words, 18)
    assert [chunk.header for chunk in found] == ["", "City | Limit"]
    assert texts(found, source)[1].startswith("City4")
    assert context(source, found[0]) == "Handbook > Hotels"
    assert context(source, found[1]) == "Handbook > Hotels\nCity | Limit"


def test_the_context_does_not_repeat_the_title_and_keeps_the_innermost_sections() -> None:
    source = document([("h1", "Handbook"), ("h2", "Travel"), ("paragraph", "Text.")])
    assert context(source, chunks(source, words)[0]) == "Handbook > Travel"
    deep = document(
        [(f"h{level}", f"{level} " + "section " * 10) for level in range(1, 6)] + [("paragraph", "Text.")]
    )
    shown = context(deep, chunks(deep, words)[0])
    assert len(shown) <= 160
    assert shown.startswith("Handbook > ")
    assert shown.endswith("5 " + "section " * 9 + "section")


@pytest.mark.parametrize("kind", ["paragraph", "list", "code", "table"])
def test_one_short_block_is_one_chunk(kind: str) -> None:
    source = document([(kind, "Only this.")])
    assert chunks(source, words) == [Chunk(0, 1, "", 0, 10, parent_start=0, parent_end=10)]


def test_the_chunks_of_a_section_share_what_stands_around_them_and_it_is_bounded() -> None:
    sentence = "One of the many sentences of this long section is this one here. "
    source = document(
        [("h1", "Short"), ("paragraph", sentence * 30), ("h1", "Long"), ("paragraph", sentence * 300)],
    )
    found = chunks(source, words)
    parents = {(chunk.section, chunk.parent_start, chunk.parent_end) for chunk in found}
    short, *long = sorted(parents, key=lambda parent: parent[1])
    assert short[0] == "Short"
    assert {section for section, _, _ in long} == {"Long"}
    assert 4 <= len(long) <= 5
    sizes = [len(source.text[start:end].split()) for _, start, end in long]
    assert max(sizes) <= 1_200
    assert min(sizes) >= 300


def test_a_table_that_goes_on_overleaf_is_shown_with_its_titles() -> None:
    draft = Draft("handbook.txt")
    titles = draft.add("table", "Grade Pay\n1 100\n2 200", header_lines=1)
    draft.end_page()
    draft.add("table", "3 300\n4 400", titles=titles)
    draft.end_page()
    source = draft.document("Handbook")
    first, second = chunks(source, words)
    assert (first.header, second.header) == ("", "Grade Pay")
    assert "Grade Pay" in context(source, second)


def test_titles_of_very_many_columns_leave_room_for_the_rows() -> None:
    titles = " | ".join(f"Column {number}" for number in range(20_000))
    source = document([("table", "\n".join([titles, *(f"row {number}" for number in range(40))]))])
    last = chunks(source, count, 60)[-1]
    assert last.header.startswith("Column 0 | Column 1 |")
    assert 300 < len(last.header) <= 400
    assert titles.startswith(last.header)
