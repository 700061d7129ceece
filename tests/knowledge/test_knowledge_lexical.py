"""BM25 by posting blocks finds exactly what scoring every chunk would find, however the blocks were cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.knowledge.index.lexical import K1, B, Lexical, Statistics, decoded, encoded, joined, without
from steadyhand.knowledge.search.fusion import DENSE_SHARE, Leg, best_of, dense_share, fused
from steadyhand.language import pieces

words = st.sampled_from(["the", "the", "the", "of", "hotel", "train", "vacation", "limit"])
chunks = st.lists(st.lists(words, min_size=1, max_size=30), min_size=1, max_size=60)


def brute(chunks: list[list[str]], query: list[str], alive: list[bool]) -> np.ndarray:
    """Every chunk's BM25, by the formula."""
    held = [chunk for chunk, is_alive in zip(chunks, alive, strict=True) if is_alive]
    mean = sum(map(len, held)) / max(len(held), 1) or 1.0
    scores = np.zeros(len(chunks))
    for term in query:
        found_in = sum(term in chunk for chunk in held)
        idf = np.log1p((len(held) - found_in + 0.5) / (found_in + 0.5))
        for slot, chunk in enumerate(chunks):
            frequency = chunk.count(term)
            scores[slot] += idf * frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * len(chunk) / mean))
    return scores


@given(chunks=chunks, query=st.lists(words, min_size=1, max_size=5, unique=True), data=st.data())
def test_the_best_are_those_of_scoring_every_chunk(
    chunks: list[list[str]], query: list[str], data: st.DataObject
) -> None:
    alive = data.draw(st.lists(st.booleans(), min_size=len(chunks), max_size=len(chunks)))
    cut, count = data.draw(st.integers(0, len(chunks))), data.draw(st.integers(1, 10))
    parts = [encoded(enumerate(chunks[:cut])), encoded(enumerate(chunks[cut:], start=cut))]
    blocks = {term: joined([decoded(part[term]) for part in parts if term in part]) for term in query}
    held = [chunk for chunk, is_alive in zip(chunks, alive, strict=True) if is_alive]
    mask = None if all(alive) else np.array(alive)
    lexical = Lexical(blocks, Statistics(len(held), sum(map(len, held))), mask)
    wanted = brute(chunks, query, alive)
    assert lexical.of(np.arange(len(chunks), dtype=np.int32)) == pytest.approx(wanted, rel=1e-4, abs=1e-5)
    best = lexical.best(count, len(chunks), mask)
    live = sorted((wanted[at] for at, is_alive in enumerate(alive) if is_alive and wanted[at] > 0), reverse=True)
    assert sorted(wanted[best], reverse=True) == pytest.approx(live[:count], rel=1e-4, abs=1e-5)
    assert all(alive[slot] for slot in best)


def test_a_rare_term_outweighs_any_number_of_a_common_one() -> None:
    chunks = [["rare", "word"] if slot % 500 == 0 else ["common"] * (slot % 7 + 1) for slot in range(20_000)]
    blocks = {term: decoded(postings) for term, postings in encoded(enumerate(chunks)).items()}
    lexical = Lexical(blocks, Statistics(len(chunks), sum(map(len, chunks))), None)
    assert set(lexical.best(10, len(chunks), None)) <= set(range(0, 20_000, 500))


@given(chunks=chunks, gone=st.sets(st.integers(0, 59)))
def test_postings_of_chunks_that_leave_are_gone_and_the_others_stay(
    chunks: list[list[str]], gone: set[int]
) -> None:
    for term, postings in encoded(enumerate(chunks)).items():
        left = decoded(without(postings, np.array(sorted(gone), dtype=np.int32)))
        assert left.slots.tolist() == [at for at, chunk in enumerate(chunks) if term in chunk and at not in gone]


def test_lengths_and_frequencies_beyond_what_is_stored_are_cut() -> None:
    [postings] = encoded([(7, ["x"] * 100_000)]).values()
    block = decoded(postings)
    assert (block.slots.tolist(), block.lengths.tolist(), block.frequencies.tolist()) == ([7], [32_767], [32_767])


finite = st.floats(-1, 1)
scored = st.lists(st.tuples(st.floats(0, 50), st.one_of(finite, st.just(float("nan")))), min_size=1, max_size=20)


@given(scored=scored, least=finite, share=st.floats(0, 1))
def test_a_fused_score_is_between_0_and_1(scored: list[tuple[float, float]], least: float, share: float) -> None:
    bm25, similarity = (np.array(column) for column in zip(*scored, strict=True))
    scores = fused(Leg(bm25, similarity, least), share)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_a_chunk_that_is_best_for_words_and_vectors_has_the_score_1() -> None:
    leg = Leg(np.array([4.0, 2.0, 0.0]), np.array([0.9, 0.1, float("nan")]), 0.1)
    assert fused(leg, 0.6).tolist() == pytest.approx([1.0, 0.2, 0.0])


def test_another_wording_adds_what_the_question_does_not_find_and_counts_less() -> None:
    scores, by = best_of([np.array([0.8, 0.1]), np.array([0.8, 0.7])])
    assert scores.tolist() == pytest.approx([0.8, 0.63])
    assert by.tolist() == [0, 1]


def test_vectors_count_less_the_less_their_embedder_knows_the_language() -> None:
    english, german, turkish, russian = (
        dense_share(pieces_per_word) for pieces_per_word in (1.22, 1.73, 2.05, 3.4)
    )
    assert english == DENSE_SHARE
    assert english > german > turkish > russian > 0


def test_a_language_is_judged_by_its_common_words_or_else_by_the_question() -> None:
    assert "aber" in pieces.sample("de", "Was kostet das?").split()
    assert pieces.sample("ja", "ホテルはいくらですか") == "ホテルはいくらですか"
    assert pieces.per_word("one two", tokens=5) == 1.5
    assert pieces.per_word("東京都庁", tokens=6) > 2
    assert pieces.per_word("", tokens=2) == 1
