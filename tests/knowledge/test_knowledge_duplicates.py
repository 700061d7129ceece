"""Documents that say nearly the same are found, whatever their size; others are not."""

import random

import pytest

from steadyhand.errors import NotFound
from steadyhand.knowledge.ingest.duplicates import bands, near_duplicates, similarity
from steadyhand.storage import Database


def text(seed: int, words: int = 300) -> str:
    chance = random.Random(seed)
    return " ".join(f"word{chance.randrange(5_000)}" for _ in range(words))


def changed(source: str, share: float, seed: int = 7) -> str:
    """The text with so many of its words replaced, in one stretch of it."""
    words = source.split()
    count = round(share * len(words))
    return " ".join([*text(seed, count).split(), *words[count:]])


def test_equal_texts_have_equal_bands_whatever_their_spacing_and_case() -> None:
    assert bands("The Canteen\nopens at noon.") == bands("the canteen opens   at noon")
    assert similarity("The Canteen\nopens at noon.", "the canteen opens   at noon") == 1.0


def test_texts_without_words_are_like_nothing() -> None:
    assert bands(" … ") == []
    assert similarity("", "") == 0.0


@pytest.mark.parametrize("words", [12, 300, 5_000])
def test_alike_texts_share_a_band_and_strange_ones_do_not(words: int) -> None:
    alike = strange = 0
    for seed in range(20):
        source = text(seed, words)
        alike += bool(set(bands(source)) & set(bands(changed(source, 0.05, seed + 100))))
        strange += bool(set(bands(source)) & set(bands(text(seed + 1_000, words))))
    assert alike >= 18
    assert strange == 0


def test_similarity_is_the_share_of_common_runs_of_words() -> None:
    assert similarity("a b c d e f", "a b c d e g") == pytest.approx(1 / 3)


async def documents(database: Database, texts: dict[str, str]) -> None:
    await database.execute("INSERT INTO knowledge_base (name, embedder) VALUES ('base', 'x')")
    for path, content in texts.items():
        await database.execute(
            "WITH made AS (INSERT INTO document (base_id, path, origin)"
            "  SELECT id, %s, 'notes' FROM knowledge_base RETURNING id)"
            " INSERT INTO document_version (document_id, sha256, recipe, title, language, content, bands)"
            " SELECT id, %s, '1', '', 'en', %s, %s FROM made",
            [path, path.encode(), content, bands(content)],
        )


async def test_pairs_are_verified_word_for_word_and_the_most_alike_come_first(database: Database) -> None:
    source = text(1)
    await documents(
        database,
        {
            "a.md": source,
            "b.md": source,
            "c.md": changed(source, 0.1),
            "d.md": changed(source, 0.5),
            "e.md": text(2),
        },
    )
    found = await near_duplicates(database, "base")
    assert [(pair.first, pair.second) for pair in found] == [("a.md", "b.md"), ("a.md", "c.md"), ("b.md", "c.md")]
    assert found[0].similarity == 1.0
    assert 0.8 <= found[1].similarity < 1.0


async def test_a_base_that_is_not_there_is_named(database: Database) -> None:
    with pytest.raises(NotFound, match="none named 'base'"):
        await near_duplicates(database, "base")
