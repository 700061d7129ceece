"""A knowledge base whose documents are put in chunk by chunk, with vectors that are counted words."""

import hashlib
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from steadyhand.knowledge.index import entries
from steadyhand.knowledge.index.entries import PreparedChunk, PreparedVersion
from steadyhand.knowledge.ingest import store
from steadyhand.knowledge.search.searcher import Searcher
from steadyhand.language.words import terms
from steadyhand.storage import Database, jsonb
from steadyhand.types.document import Chunk
from steadyhand.types.json import Json
from steadyhand.types.passage import Passage, Retrieval
from steadyhand.types.ports import Vectors
from steadyhand.types.run import Principal
from steadyhand.types.search import Condition, SearchRequest

NAME = "shelf"
DIMS = 64
ADMIN = Principal("root", "admin")
SOMEBODY = Principal("somebody", "caller")


class CountedWords:
    """An embedder: texts with the same words are near. It knows every language equally well."""

    async def id(self) -> str:
        return "words@1"

    async def __call__(self, texts: Sequence[str]) -> Vectors:
        vectors = np.full((len(texts), DIMS), 1e-3, dtype=np.float32)
        for row, text in enumerate(texts):
            for term in terms(text):
                vectors[row, zlib.crc32(term.encode()) % DIMS] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    async def questions(self, texts: Sequence[str]) -> Vectors:
        return await self(texts)

    async def count_tokens(self, texts: Sequence[str]) -> list[int] | None:
        return None

    def close(self) -> None: ...


class OnlyWords:
    """The embedders of a workspace that has one."""

    async def of(self, embedder_id: str, base: str) -> CountedWords:
        del embedder_id, base
        return CountedWords()


class Shelf:
    def __init__(self, database: Database, base_id: int) -> None:
        self.database = database
        self.base_id = base_id
        self.search = Searcher(database, OnlyWords(), lambda base: "internal")  # type: ignore[arg-type]

    @classmethod
    async def of(cls, database: Database) -> "Shelf":
        row = await database.row(
            "INSERT INTO knowledge_base (name, embedder) VALUES (%s, 'words@1') RETURNING id", [NAME]
        )
        assert row is not None
        return cls(database, row["id"])

    async def put(
        self,
        path: str,
        *texts: str,
        labels: Sequence[str] = ("everyone",),
        metadata: Mapping[str, Json] | None = None,
        language: str = "en",
        embed: bool = True,
    ) -> int:
        """Make these chunks the document's; returns the revision of the base that has them."""
        chunks = [_chunk(ordinal, text) for ordinal, text in enumerate(texts)]
        if embed:
            hashes = [chunk.text_hash for chunk in chunks]
            await entries.add_vectors(self.database, self.base_id, "words@1", hashes, await CountedWords()(texts))
        async with self.database.transaction() as transaction:
            await store.lock_base(transaction, self.base_id)
            document = await transaction.row(
                "INSERT INTO document (base_id, path, origin, labels, metadata) VALUES (%s, %s, 'test', %s, %s)"
                " ON CONFLICT (base_id, path) DO UPDATE SET labels = excluded.labels, metadata = excluded.metadata"
                " RETURNING id",
                [self.base_id, path, list(labels), jsonb(dict(metadata or {}))],
            )
            assert document is not None
            await store.remove(transaction, self.base_id, [path])
            version = await transaction.row(
                "INSERT INTO document_version (document_id, sha256, recipe, title, language, content)"
                " VALUES (%s, '', '', %s, %s, %s) RETURNING id",
                [document["id"], f"Title of {path}", language, "\n".join(texts)],
            )
            assert version is not None
            await entries.add(transaction, self.base_id, [PreparedVersion(version["id"], language, chunks)])
            await store.count_change(transaction, self.base_id)
        return await self.revision()

    async def remove(self, path: str) -> int:
        async with self.database.transaction() as transaction:
            await store.lock_base(transaction, self.base_id)
            await store.remove(transaction, self.base_id, [path])
            await store.count_change(transaction, self.base_id)
        return await self.revision()

    async def relabel(self, path: str, *labels: str) -> None:
        await self.database.execute(
            "UPDATE document SET labels = %s WHERE base_id = %s AND path = %s", [list(labels), self.base_id, path]
        )
        await self.database.execute("UPDATE knowledge_base SET revision = revision + 1")

    async def revision(self) -> int:
        row = await self.database.row("SELECT revision FROM knowledge_base WHERE id = %s", [self.base_id])
        assert row is not None
        return int(row["revision"])

    async def ask(
        self,
        *queries: str,
        who: Principal = SOMEBODY,
        where: tuple[Condition, ...] = (),
        as_of: int | None = None,
        top_k: int = 10,
    ) -> Retrieval:
        return await self.search(
            SearchRequest(
                knowledge_base=NAME, queries=queries, principal=who, top_k=top_k, where=where, as_of=as_of
            )
        )

    async def found(
        self,
        *queries: str,
        who: Principal = SOMEBODY,
        where: tuple[Condition, ...] = (),
        as_of: int | None = None,
        top_k: int = 10,
    ) -> list[Passage]:
        return list((await self.ask(*queries, who=who, where=where, as_of=as_of, top_k=top_k)).passages)

    async def count(self, table: str) -> int:
        row = await self.database.row(f"SELECT count(*) AS n FROM {table}")
        assert row is not None
        return int(row["n"])


def _chunk(ordinal: int, text: str) -> PreparedChunk:
    return PreparedChunk(
        chunk=Chunk(ordinal, 1, "", 0, len(text)),
        body=text,
        context="",
        terms=terms(text),
        text_hash=hashlib.sha256(text.encode()).digest(),
    )
