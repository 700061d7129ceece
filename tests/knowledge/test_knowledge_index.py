"""What keeps the index small and true: merges, indexes of vectors, reclaiming, erasing, and older databases."""

import asyncio
import hashlib
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from psycopg import connect
from shelf import ADMIN, SOMEBODY, CountedWords, Shelf
from yoyo import get_backend, read_migrations

from databases import copied
from steadyhand.errors import NotFound, WrongEmbedder
from steadyhand.knowledge.erase import erase_base, erase_documents
from steadyhand.knowledge.index import compaction, entries
from steadyhand.knowledge.index.lexical import decoded
from steadyhand.knowledge.index.postings import Postings
from steadyhand.language.words import terms
from steadyhand.storage import Database, embedded, migrate
from steadyhand.types.passage import Passage
from steadyhand.types.run import Principal

LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
async def shelf(database: Database) -> Shelf:
    return await Shelf.of(database)


async def held_terms(database: Database) -> set[str]:
    return {row["term"] for row in await database.rows("SELECT term FROM lexical_block")}


def said(passages: Sequence[Passage]) -> list[tuple[int, float, float]]:
    return [(one.chunk_id, one.bm25, round(one.score, 5)) for one in passages]


async def test_merged_segments_say_what_the_small_ones_said(shelf: Shelf) -> None:
    for number in range(40):
        await shelf.put(f"{number}.md", f"Hotel number {number} of {number % 7} stars.", f"Train {number % 5}.")
    before = said(await shelf.found("hotel of 3 stars", "train 4", top_k=20))
    assert await compaction.merge(shelf.database, shelf.base_id) == 32
    assert await shelf.count("lexical_segment") == 9
    again = Shelf(shelf.database, shelf.base_id)  # nothing remembered
    assert said(await shelf.found("hotel of 3 stars", "train 4", top_k=20)) == before
    assert said(await again.found("hotel of 3 stars", "train 4", top_k=20)) == before
    assert await compaction.merge(shelf.database, shelf.base_id) == 0
    blocks = await shelf.database.rows("SELECT postings FROM lexical_block WHERE length(postings) > 8")
    assert all((np.diff(decoded(row["postings"]).slots) > 0).all() for row in blocks)


async def test_a_segment_that_was_merged_meanwhile_is_noticed(shelf: Shelf) -> None:
    await shelf.put("a.md", "Hotels.")
    [row] = await shelf.database.rows("SELECT id FROM lexical_segment")
    postings = Postings(shelf.database)
    assert await postings.of([row["id"], 4_711], terms("hotels"), 0) is None
    found = await postings.of([row["id"]], [*terms("hotels"), "unknown"], 0)
    assert found is not None
    assert [block.slots.tolist() for block in found.values()] == [[0], []]


async def test_memory_for_postings_is_bounded(shelf: Shelf) -> None:
    words = [f"word{number}" for number in range(200)]
    await shelf.put("a.md", " ".join(words))
    [row] = await shelf.database.rows("SELECT id FROM lexical_segment")
    postings = Postings(shelf.database, room_bytes=20_000)
    for word in words:
        assert await postings.of([row["id"]], [word], 0) is not None
    assert len(postings._kept) < 40
    assert postings._kept.used_bytes <= 20_000


async def test_postings_that_many_searches_read_at_once_count_once(shelf: Shelf) -> None:
    await shelf.put("a.md", *["Hotels and trains."] * 300)
    [row] = await shelf.database.rows("SELECT id FROM lexical_segment")
    asked = terms("hotels trains")
    postings = Postings(shelf.database, room_bytes=7_000)  # both terms have their place in it, 3,100 bytes each
    for _ in range(3):
        found = await asyncio.gather(*[postings.of([row["id"]], asked, 0) for _ in range(8)])
        assert all(
            blocks is not None and [len(block.slots) for block in blocks.values()] == [300] * 2 for blocks in found
        )
        assert postings._kept.used_bytes == 2 * (8 * 300 + 700)
        postings._kept.put((0, "other", 0), found[0][asked[0]])  # makes room for itself


async def test_an_erased_document_leaves_no_word_and_no_vector_but_shared_ones(shelf: Shelf) -> None:
    await shelf.put("a.md", "Xylophones are loud.", "The same text.")
    await shelf.put("a.md", "Zithers are quiet.", "The same text.")
    await shelf.put("b.md", "The same text.")
    await compaction.merge(shelf.database, shelf.base_id)
    assert await erase_documents(shelf.database, "shelf", ["a.md"]) == 1
    assert await held_terms(shelf.database) == set(terms("the same text"))
    assert await shelf.count("embedding") == await shelf.count("chunk") == 1
    assert [passage.source for passage in await shelf.found("xylophones zithers text")] == ["b.md"]
    row = await shelf.database.row("SELECT chunk_count, term_count FROM knowledge_base")
    assert row == {"chunk_count": 1, "term_count": len(terms("The same text."))}


@pytest.mark.parametrize("is_erased", [True, False], ids=["erased", "reclaimed"])
async def test_what_is_left_is_found_when_much_that_said_the_same_is_gone(shelf: Shelf, is_erased: bool) -> None:
    crowd = [f"{number}.md" for number in range(120)]
    for path in crowd:
        await shelf.put(path, "Xylophones xylophones.")
    await shelf.put("left.md", "Xylophones are loud, and nobody plays them at night.", embed=False)
    assert len(await shelf.found("xylophones")) == 10  # from now on the word is remembered
    if is_erased:
        await erase_documents(shelf.database, "shelf", crowd)
    else:
        for path in crowd:
            await shelf.remove(path)
        assert len(await shelf.found("xylophones")) == 1
        assert await compaction.reclaim(shelf.database, shelf.base_id, LATER) == 120
    assert [passage.source for passage in await shelf.found("xylophones")] == ["left.md"]


async def test_an_erased_base_leaves_no_table_of_vectors(shelf: Shelf) -> None:
    await shelf.put("a.md", "Xylophones are loud.")
    before = await shelf.count("pg_class")
    assert await erase_base(shelf.database, "shelf") == 1
    assert await shelf.count("pg_class") < before
    for table in ("embedding", "embedding_set", "lexical_segment", "lexical_block", "version_terms", "chunk"):
        assert await shelf.count(table) == 0
    again = await Shelf.of(shelf.database)
    again.search = shelf.search  # which remembers the base that was
    await again.put("a.md", "Drums are louder.")
    assert [passage.text for passage in await again.found("xylophones")] == ["Drums are louder."]


async def test_what_is_reclaimed_is_gone_and_the_base_says_from_when_it_is_known(shelf: Shelf) -> None:
    first = await shelf.put("a.md", "Xylophones are loud.")
    second = await shelf.put("a.md", "Zithers are quiet.")
    third = await shelf.put("b.md", "Drums are louder.")
    assert await compaction.reclaim(shelf.database, shelf.base_id, LATER - timedelta(days=2)) == 0
    assert len(await shelf.found("xylophones", as_of=first)) == 1
    assert await compaction.reclaim(shelf.database, shelf.base_id, LATER) == 1
    assert not set(terms("xylophones loud")) & await held_terms(shelf.database)
    assert await shelf.count("embedding") == await shelf.count("chunk") == 2
    assert await shelf.count("document_version") == 3  # runs point at the text
    with pytest.raises(NotFound, match=f"from {second} to {third}"):
        await shelf.found("xylophones", as_of=first)
    assert [passage.text for passage in await shelf.found("zithers", as_of=second)] == ["Zithers are quiet."]
    assert len(await shelf.found("zithers")) == 2


async def test_a_large_base_gets_an_index_that_finds_the_same(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        await shelf.put(f"{number}.md", *[f"Chunk {at} of {number} is about {at * number}." for at in range(10)])
    before = await shelf.found("chunk about 81", top_k=5)
    await compaction.ensure_index(shelf.database, shelf.base_id)
    assert await shelf.database.row("SELECT is_indexed FROM embedding_set") == {"is_indexed": False}
    monkeypatch.setattr(compaction, "INDEX_FROM", 300)
    await shelf.database.rows("SELECT set_config('statement_timeout', '0', false)")
    for _ in range(2):
        await compaction.ensure_index(shelf.database, shelf.base_id)
        assert await shelf.database.row("SELECT is_indexed FROM embedding_set") == {"is_indexed": True}
    assert {passage.chunk_id for passage in await shelf.found("chunk about 81", top_k=5)} == {
        passage.chunk_id for passage in before
    }
    await shelf.put("new.md", "Ocelots are cats.")
    assert (await shelf.found("ocelots"))[0].source == "new.md"


async def test_an_index_whose_build_was_broken_off_is_built_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "INDEX_FROM", 1)
    await shelf.put("a.md", "Hotels.")
    [held] = await shelf.database.rows("SELECT id FROM embedding_set")
    await shelf.database.execute(
        f"CREATE INDEX embedding_{held['id']}_nearest ON embedding_{held['id']} (text_hash)"  # as if left behind
    )
    await compaction.ensure_index(shelf.database, shelf.base_id)
    [made] = await shelf.database.rows("SELECT indexdef FROM pg_indexes WHERE indexname LIKE '%%nearest'")
    assert "hnsw" in made["indexdef"]


async def test_vectors_of_another_length_are_refused(shelf: Shelf) -> None:
    await shelf.put("a.md", "Hotels.")
    with pytest.raises(WrongEmbedder, match="length 64 from words@1; found 3"):
        await entries.add_vectors(
            shelf.database, shelf.base_id, "words@1", [b"x"], np.array([[1, 0, 0]], dtype=np.float32)
        )


async def test_two_processes_that_make_the_first_vectors_of_a_base_make_one_set(shelf: Shelf) -> None:
    vectors = await CountedWords()(["one", "two"])
    await asyncio.gather(
        *(entries.add_vectors(shelf.database, shelf.base_id, "words@1", [b"1", b"2"], vectors) for _ in range(4))
    )
    assert (await shelf.count("embedding_set"), await shelf.count("embedding")) == (1, 2)
    assert await entries.missing_vectors(shelf.database, shelf.base_id, "words@1", [b"1", b"3"]) == {b"3"}


async def test_writing_merging_erasing_and_searching_at_once_stop_nobody(shelf: Shelf) -> None:
    async def write(name: str) -> None:
        for number in range(40):
            await shelf.put(f"{name}-{number}.md", f"Hotel {name} {number}.")

    async def upkeep() -> None:
        for number in range(12):
            await compaction.merge(shelf.database, shelf.base_id)
            await compaction.reclaim(shelf.database, shelf.base_id, LATER)
            await shelf.put("erased.md", f"Ocelot {number}.")
            await erase_documents(shelf.database, "shelf", ["erased.md"])

    async def read() -> None:
        for _ in range(60):
            assert all(
                "Hotel" in passage.text or "Ocelot" in passage.text for passage in await shelf.found("hotel")
            )

    await asyncio.gather(write("a"), write("b"), upkeep(), read())
    assert len(await shelf.found("hotel", top_k=100)) == 80
    assert not set(terms("ocelot")) & await held_terms(shelf.database)


async def test_no_order_of_changes_leaks_or_loses_a_passage(shelf: Shelf) -> None:
    """Against a model: after every change each principal finds exactly what is live and visible to it."""
    chance = random.Random(7)
    clerk = Principal("clerk", "caller", labels=frozenset({"hr"}))
    live: dict[str, tuple[set[str], str]] = {}
    history: dict[int, dict[str, tuple[set[str], str]]] = {}
    for step in range(120):
        path = f"{chance.randrange(8)}.md"
        match chance.choice(["put", "put", "put", "remove", "relabel", "erase", "merge"]):
            case "put":
                texts, label = (
                    {f"Fact {step} of {path}.", f"Fact {step % 3}."},
                    chance.choice(["everyone", "hr", "it"]),
                )
                await shelf.put(path, *sorted(texts), labels=[label])
                live[path] = (texts, label)
            case "remove" if path in live:
                await shelf.remove(path)
                del live[path]
            case "relabel" if path in live:
                live[path] = (live[path][0], chance.choice(["everyone", "hr"]))
                await shelf.relabel(path, live[path][1])
            case "erase" if path in live:
                await erase_documents(shelf.database, "shelf", [path])
                del live[path]
                history = {at: {p: d for p, d in then.items() if p != path} for at, then in history.items()}
            case "merge":
                await compaction.merge(shelf.database, shelf.base_id)
        history[await shelf.revision()] = dict(live)
        for who in (SOMEBODY, clerk, ADMIN):
            sees = who.sees
            expected = sorted(
                (p, text) for p, (texts, label) in live.items() if sees is None or label in sees for text in texts
            )
            found = [(passage.source, passage.text) for passage in await shelf.found("fact", who=who, top_k=100)]
            assert sorted(found) == expected
    for revision, then in list(history.items())[:: len(history) // 8]:
        found = [(p.source, p.text) for p in await shelf.found("fact", who=ADMIN, top_k=100, as_of=revision)]
        assert sorted(found) == sorted((p, text) for p, (texts, _) in then.items() for text in texts)


BODIES = ("Hotels cost at most 120 EUR a night.", "Trains come before planes.")


def older(url: str) -> None:
    """The schema of the first six migrations, and a base with two passages in it."""
    backend = get_backend(url.replace("postgresql://", "postgresql+psycopg://"))
    backend.apply_migrations(read_migrations(str(migrate._FOLDER)).filter(lambda found: found.id < "0007"))
    backend.connection.close()
    with connect(url) as connection:
        for statement in (
            """INSERT INTO knowledge_base (name, embedder, revision, languages, chunk_count, term_count)
            VALUES ('shelf', 'words@1', 3, '{en}', 2, 9), ('empty', 'words@1', 0, '{}', 0, 0)""",
            "INSERT INTO document (base_id, path, origin) VALUES (1, 'travel.md', 'knowledge/notes')",
            """INSERT INTO document_version (document_id, sha256, recipe, title, language, content)
            VALUES (1, 'x', '1/1', 'Travel', 'en', 'All of it')""",
        ):
            connection.execute(statement)
        for ordinal, body in enumerate(BODIES):
            key = hashlib.sha256(body.encode()).digest()
            [vector] = asyncio.run(CountedWords()([body]))
            connection.execute(
                "INSERT INTO chunk (base_id, version_id, ordinal, page, section, start, stop, body, term_count,"
                " text_hash) VALUES (1, 1, %s, 1, '', 0, 9, %s, %s, %s)",
                (ordinal, body, len(terms(body)), key),
            )
            for term in set(terms(body)):
                connection.execute(
                    "INSERT INTO posting VALUES (1, %s, %s, 1, %s)", (ordinal + 1, term, len(terms(body)))
                )
            connection.execute("INSERT INTO embedding VALUES ('words@1', %s, %s)", (key, str(vector.tolist())))
        connection.execute("INSERT INTO embedding VALUES ('other@1', 'x', '[1,0]')")


def test_an_older_database_goes_forward_and_finds_what_it_found(server: embedded.Server) -> None:
    async def ask(url: str) -> None:
        database = Database(url, max_connections=2)
        await database.open()
        shelf = Shelf(database, 1)
        [first, second] = await shelf.found("hotels")
        assert (first.text, second.text) == BODIES
        assert (first.bm25 > 0, round(first.similarity, 1)) == (True, 0.4)
        with pytest.raises(NotFound, match="from 3 to 3"):
            await shelf.found("hotels", as_of=2)
        await shelf.put("new.md", "Buses cost nothing.")
        assert len(await shelf.found("cost")) == 3
        assert await erase_documents(database, "shelf", ["travel.md"]) == 1
        assert await held_terms(database) == set(terms("Buses cost nothing."))
        await database.close()

    with copied(server.url, "template0") as url:
        older(url)
        migrate.upgrade(url)
        asyncio.run(ask(url))
