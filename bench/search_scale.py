"""Search in a large knowledge base: time, recall, memory and build times, unfiltered and behind a 1 % filter.

    python bench/search_scale.py --data DIR --cache DIR [--chunks 100000] [--questions 200]

`--data` holds retrieval sets. Their English texts are cut into windows of 60 words, 25,000 of which get their real
vectors, kept in `--cache`. They are the first chunks of the base. Every further chunk is made of two real windows:
half of the words of each, and a vector between their two with some noise, so that document frequencies and the
clusters of the vectors stay like those of real text. Ten chunks are a document; one document in a hundred has the
tag that is filtered by. Everything goes in and out by the product's own functions; the questions are those of the
sets. Recall compares the first ten with those of the same search when it compares every vector.
"""

import argparse
import asyncio
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import finish, lines, track, workspace
from steadyhand.knowledge.index import compaction, entries
from steadyhand.knowledge.index.entries import PreparedChunk, PreparedVersion
from steadyhand.knowledge.search.searcher import Searcher
from steadyhand.language.detect import language_of
from steadyhand.language.words import terms
from steadyhand.storage import Database
from steadyhand.storage.database import Params, Row
from steadyhand.types.document import Chunk
from steadyhand.types.search import Condition, SearchRequest
from steadyhand.workspace import OWNER, AsyncWorkspace

BASE = "scale"
WINDOWS = 25_000
WORDS = 60
PER_DOCUMENT = 10
BATCH = 5_000  # chunks that are put in together
FILTER = (Condition("tag", "eq", "t7"),)

Vectors = NDArray[np.float32]


class Counting(Database):
    """A database that counts the statements it is asked."""

    statements = 0

    async def rows(self, sql: str, params: Params = ()) -> list[Row]:
        self.statements += 1
        return await super().rows(sql, params)


async def main(data: Path, cache: Path, chunks: int, questions: int) -> None:
    async with workspace() as opened:
        texts, vectors = await windows(opened, data, cache)
        asked = sorted({row["text"] for found in sets(data) for row in lines(found / "queries.jsonl.gz")})
        asked = [asked[at] for at in np.random.default_rng(1).permutation(len(asked))[:questions]]
        figures: dict[str, Any] = {"chunks": chunks, "load_s": await load(opened, texts, vectors, chunks)}
        del texts, vectors
        began = time.perf_counter()
        await compaction.ensure_index(opened.database, await base_id(opened))
        figures["index_build_s"] = round(time.perf_counter() - began, 1)
        await opened.database.execute("ANALYZE")
        counting = Counting(opened.database.url)
        await counting.open()
        search = Searcher(counting, opened.embedders, opened.class_of)
        for where, name in (((), "all"), (FILTER, "filter")):
            figures |= await measured(search, counting, asked, where, name)
        figures |= await recalls(opened, search, asked[:100])
        figures |= {"rss_mb": rss_mb(os.getpid()), "server_mb": server_mb(opened)}
        figures["disk_mb"] = await disk_mb(opened.database)
        await counting.close()
    finish(figures)


def sets(data: Path) -> Iterator[Path]:
    """The sets whose questions are English."""
    for found in sorted(path.parent for path in data.glob("*/queries.jsonl.gz")):
        first = " ".join(row["text"] for row, _ in zip(lines(found / "queries.jsonl.gz"), range(20), strict=False))
        if language_of(first) == "en":
            yield found


async def windows(opened: AsyncWorkspace, data: Path, cache: Path) -> tuple[list[str], Vectors]:
    """Real windows of text and their vectors, shape (n, 384)."""
    found = [
        " ".join(words[at : at + WORDS])
        for folder in sets(data)
        for row in lines(folder / "corpus.jsonl.gz")
        for words in [f"{row.get('title', '')} {row['text']}".split()]
        for at in range(0, len(words), WORDS)
        if len(words) - at >= WORDS // 3
    ]
    texts = [found[at] for at in np.random.default_rng(0).permutation(len(found))[:WINDOWS]]
    kept = cache / f"windows-{len(texts)}.npy"
    if not kept.exists():
        embedder = await opened.embedders.wanted(BASE)
        parts = [await embedder(texts[at : at + 256]) for at in track(range(0, len(texts), 256), "embedding")]
        np.save(kept, np.concatenate(parts).astype(np.float16))
    return texts, np.load(kept).astype(np.float32)


async def base_id(opened: AsyncWorkspace) -> int:
    row = await opened.database.row("SELECT id FROM knowledge_base WHERE name = %s", [BASE])
    assert row is not None
    return int(row["id"])


async def load(opened: AsyncWorkspace, texts: Sequence[str], vectors: Vectors, count: int) -> float:
    """Bring `count` chunks in; returns the seconds."""
    embedder = await (await opened.embedders.wanted(BASE)).id()
    await opened.database.execute("INSERT INTO knowledge_base (name, embedder) VALUES (%s, %s)", [BASE, embedder])
    random = np.random.default_rng(2)
    began = time.perf_counter()
    for first in track(range(0, count, BATCH), "loading"):
        made = min(BATCH, count - first)
        batch, mixed = mixture(texts, vectors, first, made, random)
        hashes = [hashlib.sha256(f"{first + at} {text}".encode()).digest() for at, text in enumerate(batch)]
        await entries.add_vectors(opened.database, await base_id(opened), embedder, hashes, mixed)
        await put(opened, first, batch, hashes)
        await compaction.merge(opened.database, await base_id(opened))
    return round(time.perf_counter() - began, 1)


def mixture(
    texts: Sequence[str], vectors: Vectors, first: int, count: int, random: np.random.Generator
) -> tuple[list[str], Vectors]:
    """Chunks `first` to `first + count`: the real windows, then mixtures of two."""
    one, other = random.integers(0, len(texts), (2, count))
    share = random.uniform(0.6, 0.95, (count, 1)).astype(np.float32)
    noise = random.normal(0, 0.015, (count, vectors.shape[1])).astype(np.float32)
    mixed = share * vectors[one] + (1 - share) * vectors[other] + noise
    batch = [_halves(texts[a], texts[b]) for a, b in zip(one, other, strict=True)]
    real = range(first, min(first + count, len(texts)))
    batch[: len(real)] = [texts[at] for at in real]
    mixed[: len(real)] = vectors[real.start : real.stop] if real else mixed[:0]
    return batch, mixed / np.linalg.norm(mixed, axis=1, keepdims=True)


def _halves(one: str, other: str) -> str:
    return " ".join([*one.split()[: WORDS // 2], *other.split()[WORDS // 2 :]])


async def put(opened: AsyncWorkspace, first: int, batch: Sequence[str], hashes: Sequence[bytes]) -> None:
    """One transaction: documents of ten chunks each, findable when it ends."""
    base = await base_id(opened)
    groups = [range(at, min(at + PER_DOCUMENT, len(batch))) for at in range(0, len(batch), PER_DOCUMENT)]
    numbers = [(first + group.start) // PER_DOCUMENT for group in groups]
    async with opened.database.transaction() as transaction:
        documents = await transaction.rows(
            "INSERT INTO document (base_id, path, origin, metadata) SELECT %s, 'd' || n || '.txt', 'scale',"
            " jsonb_build_object('tag', 't' || n %% 100, 'year', 2000 + n %% 25) FROM unnest(%s::integer[]) AS n"
            " RETURNING id",
            [base, numbers],
        )
        versions = await transaction.rows(
            "INSERT INTO document_version (document_id, sha256, recipe, title, language, content)"
            " SELECT id, ''::bytea, '', '', 'en', content FROM unnest(%s::bigint[], %s::text[]) AS n (id, content)"
            " RETURNING id",
            [[row["id"] for row in documents], ["\n".join(batch[at] for at in group) for group in groups]],
        )
        added = [
            PreparedVersion(row["id"], "en", [chunk(batch[at], at - group.start, hashes[at]) for at in group])
            for row, group in zip(versions, groups, strict=True)
        ]
        await entries.add(transaction, base, added)
        await transaction.execute("UPDATE knowledge_base SET revision = revision + 1 WHERE id = %s", [base])


def chunk(text: str, ordinal: int, text_hash: bytes) -> PreparedChunk:
    return PreparedChunk(
        chunk=Chunk(ordinal, 1, "", 0, len(text)), body=text, context="", terms=terms(text), text_hash=text_hash
    )


async def measured(
    search: Searcher, counting: Counting, asked: Sequence[str], where: tuple[Condition, ...], name: str
) -> dict[str, Any]:
    """Every question once to warm up and twice measured."""
    seconds, cpu = [], []
    for passing in range(3):
        counting.statements = 0
        for text in track(asked, f"{name} {passing}", transient=True):
            began, used = time.perf_counter(), time.process_time()
            await search(request(text, where))
            if passing:
                seconds.append(time.perf_counter() - began)
                cpu.append(time.process_time() - used)
    return {
        f"{name}_p50_ms": _ms(seconds, 50),
        f"{name}_p95_ms": _ms(seconds, 95),
        f"{name}_cpu_p50_ms": _ms(cpu, 50),
        f"{name}_statements": round(counting.statements / len(asked), 2),
    }


def request(text: str, where: tuple[Condition, ...]) -> SearchRequest:
    return SearchRequest(knowledge_base=BASE, queries=(text,), principal=OWNER, top_k=10, where=where)


async def recalls(opened: AsyncWorkspace, search: Searcher, asked: Sequence[str]) -> dict[str, float]:
    """How much of what an exact search gives is given, by the vectors alone and by both legs."""
    asked_of = {
        "dense_recall10": (search.weighted(1.0), ()),
        "hybrid_overlap10": (search, ()),
        "filter_recall10": (search.weighted(1.0), FILTER),
    }
    found = {name: [await best(by, text, where) for text in asked] for name, (by, where) in asked_of.items()}
    indexed = await opened.database.rows(
        "UPDATE embedding_set SET is_indexed = false WHERE is_indexed RETURNING id"
    )
    shares = {}
    for name, (by, where) in asked_of.items():
        exact = [await best(by, text, where) for text in track(asked, name, transient=True)]
        pairs = zip(found[name], exact, strict=True)
        shares[name] = round(mean(len(one & other) / max(len(other), 1) for one, other in pairs), 4)
    await opened.database.execute(
        "UPDATE embedding_set SET is_indexed = true WHERE id = ANY(%s)", [[row["id"] for row in indexed]]
    )
    return shares


async def best(search: Searcher, text: str, where: tuple[Condition, ...]) -> set[int]:
    return {passage.chunk_id for passage in (await search(request(text, where))).passages}


def _ms(seconds: Sequence[float], percentile: int) -> float:
    return round(float(np.percentile(seconds, percentile)) * 1000, 1)


def rss_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def server_mb(opened: AsyncWorkspace) -> int:
    """Memory of the server's processes; what they share counts once."""
    assert opened.database_home is not None
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == opened.database_home / "data":
                rollup = (process / "smaps_rollup").read_text(encoding="utf-8")
                total += int(rollup.split("Pss:")[1].split()[0])
        except OSError:
            continue
    return total // 1024


async def disk_mb(database: Database) -> int:
    row = await database.row("SELECT pg_database_size(current_database()) / 1048576 AS mb")
    assert row is not None
    return int(row["mb"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=200)
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(arguments.data, arguments.cache, arguments.chunks, arguments.questions))
