"""Brings items into a base group by group: while one gets its vectors and is written, the next one is read."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from steadyhand.errors import DocumentError, DocumentUnsupported, ProviderError, ProviderRateLimited
from steadyhand.knowledge.generations import Generations
from steadyhand.knowledge.index import compaction
from steadyhand.knowledge.ingest import store
from steadyhand.knowledge.ingest.bringing import (
    Emptied,
    Part,
    Piece,
    Reads,
    Same,
    SharedReading,
    Unread,
    Vision,
    Wanted,
    groups,
    own,
)  # fmt: skip
from steadyhand.knowledge.ingest.claims import Key
from steadyhand.knowledge.ingest.following import Following, Outcome, Round, Settled, grow, settle
from steadyhand.knowledge.ingest.preparing import prepare
from steadyhand.knowledge.ingest.recipes import RECIPE
from steadyhand.knowledge.ingest.store import FailedDocument, KnowledgeStore, PreparedDocument
from steadyhand.knowledge.reading import chunking, formats
from steadyhand.storage import Transaction

_ATTEMPTS = 4  # to get vectors, when a provider fails for now
_PAUSE_S = 2.0  # before the second; each further one waits three times as long


@dataclass(slots=True)
class _Group:
    """Parts with what was made of them."""

    parts: list[Part]
    prepared: dict[str, PreparedDocument] = field(default_factory=dict)
    failed: dict[str, FailedDocument] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=list)  # of what was read

    @property
    def items(self) -> list[str]:
        return [part.wanted.item.path for part in self.parts if isinstance(part, Piece)]


class Writer:
    """`bring` may run for several sources at once."""

    def __init__(
        self,
        knowledge: KnowledgeStore,
        generations: Generations,
        count_tokens: chunking.CountTokens,
        readers: Reads,
        read: SharedReading,
    ) -> None:
        self._knowledge = knowledge
        self._following = Following(knowledge.database)
        self._generations = generations
        self._count_tokens = count_tokens
        self._readers = readers
        self._read = read

    async def bring(
        self, source: Round, wanted: Sequence[Wanted], left: dict[bytes, str], vision: Vision | None
    ) -> AsyncGenerator[list[Settled], None]:
        """Each group when it is in the database. `left`: paths of documents that just left, by their content.

        Raises `SourceBusy` when another process has taken over, and what embedding raises for good.
        """
        held: dict[Key, int] = {}
        async with aclosing(self._groups(source, wanted, vision, held)) as found:
            ahead = asyncio.create_task(_next(found))
            try:
                while (group := await ahead) is not None:
                    ahead = asyncio.create_task(_next(found))
                    await self._embed(source, group)
                    await self._read.release(group.keys, held)
                    yield await self._write(source, group, left)
            finally:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)
                await asyncio.shield(self._read.release(list(held), held))

    async def _groups(
        self, source: Round, wanted: Sequence[Wanted], vision: Vision | None, held: dict[Key, int]
    ) -> AsyncGenerator[_Group, None]:
        async with aclosing(groups(wanted, self._readers)) as found:
            async for parts in found:
                yield await self._made(source, _Group(parts), vision, held)

    async def _made(self, source: Round, group: _Group, vision: Vision | None, held: dict[Key, int]) -> _Group:
        """The group with its documents read and cut."""
        await self._following.advance(source, group.items, "reading")
        pieces = [part for part in group.parts if isinstance(part, Piece)]
        read = await self._read(pieces, vision, held)
        group.keys = list(read)
        for piece in pieces:
            document = own(piece, read[piece.key(vision)])
            if isinstance(document, DocumentError):
                group.failed[piece.path] = _failed(source, piece, document)
            else:
                group.prepared[piece.path] = await asyncio.to_thread(
                    prepare, piece, document, source.origin, self._count_tokens
                )
        for part in group.parts:
            if isinstance(part, Unread):
                group.failed[part.path] = _failed(source, part, part.error)
        return group

    async def _embed(self, source: Round, group: _Group) -> None:
        """Make the vectors that are missing; documents that get none for now end as failures that may pass."""
        texts = _texts(group)
        if not texts:
            return
        await self._following.advance(source, group.items, "embedding")
        for attempt in range(_ATTEMPTS):
            try:
                await self._generations.embed(source.base_id, texts)
            except ProviderError as error:
                if not error.is_retryable:
                    raise
                if attempt + 1 == _ATTEMPTS:
                    group.failed |= {path: _unembedded(one, error) for path, one in group.prepared.items()}
                    group.prepared.clear()
                else:
                    await asyncio.sleep(_pause_s(attempt, error))
            else:
                return

    async def _write(self, source: Round, group: _Group, left: dict[bytes, str]) -> list[Settled]:
        unseen = await self._unseen(source, group)
        moved = {
            path: one.path
            for one in group.prepared.values()
            if (path := left.pop(one.sha256, "")) and path != one.path
        }
        async with self._knowledge.database.transaction() as transaction:
            await store.lock_base(transaction, source.base_id)
            await store.remove(transaction, source.base_id, unseen)
            await store.move(transaction, source.base_id, moved)
            new, is_described = await store.put(transaction, source.base_id, list(group.prepared.values()))
            await store.fail(transaction, source.base_id, list(group.failed.values()))
            settled = [one for part in group.parts if (one := _settled(part, group, new))]
            is_relabelled = await self._settle(transaction, source, group, settled)
            if unseen or moved or new or group.failed or is_described or is_relabelled:
                await store.count_change(transaction, source.base_id)
        await self._generations.embed(source.base_id, _texts(group))  # again what was erased with others meanwhile
        await compaction.merge(self._knowledge.database, source.base_id)
        return settled

    async def _settle(
        self, transaction: Transaction, source: Round, group: _Group, settled: Sequence[Settled]
    ) -> bool:
        """Returns whether other things are said of documents whose content is as it was."""
        same = [part.wanted for part in group.parts if isinstance(part, Same)]
        is_relabelled = await store.relabel(transaction, source.base_id, {one.named: one.facts for one in same})
        await grow(transaction, source, sum(_is_member(part) for part in group.parts))
        await settle(transaction, source, settled)
        return is_relabelled

    async def _unseen(self, source: Round, group: _Group) -> list[str]:
        """What came in a container once and is not in it any more."""
        gone: set[str] = set()
        for part in group.parts:
            if isinstance(part, Emptied):
                gone |= await self._knowledge.members(source.base_id, part.wanted.named) - part.members
        return sorted(gone)


async def _next(found: AsyncGenerator[_Group, None]) -> _Group | None:
    return await anext(found, None)


def _texts(group: _Group) -> dict[bytes, str]:
    """The texts of all documents by their hashes; who embeds them sorts them by length."""
    return {chunk.text_hash: chunk.text for one in group.prepared.values() for chunk in one.chunks}


def _is_member(part: Part) -> bool:
    return isinstance(part, Piece | Unread) and part.is_member


def _pause_s(attempt: int, error: ProviderError) -> float:
    asked = error.retry_after_s if isinstance(error, ProviderRateLimited) else None
    return max(_PAUSE_S * 3.0**attempt, asked or 0.0)


def _failed(source: Round, part: Piece | Unread, error: DocumentError) -> FailedDocument:
    return FailedDocument(
        path=part.path,
        origin=source.origin,
        container=part.wanted.named if part.is_member else "",
        sha256=part.sha256,
        recipe=RECIPE,
        error=error,
        keeps_text=part.keeps_text if isinstance(part, Unread) else error.is_retryable,
        is_temporary=part.is_temporary if isinstance(part, Unread) else error.is_retryable,
    )


def _unembedded(prepared: PreparedDocument, error: ProviderError) -> FailedDocument:
    return FailedDocument(
        path=prepared.path,
        origin=prepared.origin,
        container=prepared.container,
        sha256=prepared.sha256,
        recipe=RECIPE,
        error=error,
        keeps_text=True,
        is_temporary=True,
    )


def _settled(part: Part, group: _Group, new: set[str]) -> Settled | None:
    """What is to be noted of a part; None for a container that is a document, too, and noted as that."""
    if isinstance(part, Same):
        known = part.wanted.known
        assert known is not None
        outcome: Outcome = "failed" if known.state == "failed" else "unchanged"
        return _noted(part, part.wanted.named, outcome, reason=known.reason if outcome == "failed" else "")
    if isinstance(part, Emptied):
        if formats.extension_of(part.wanted.named) in formats.supported():
            return None
        return _noted(part, part.wanted.named, "failed" if part.error else "added", reason=str(part.error or ""))
    if failed := group.failed.get(part.path):
        is_skipped = part.is_member and isinstance(failed.error, DocumentUnsupported)
        outcome = "skipped" if is_skipped else "failed"
        return _noted(part, part.path, outcome, reason=str(failed.error), is_temporary=failed.is_temporary)
    passages = len(group.prepared[part.path].chunks)
    return (
        _noted(part, part.path, "added", passages=passages)
        if part.path in new
        else _noted(part, part.path, "unchanged")
    )


def _noted(
    part: Part, named: str, outcome: Outcome, *, passages: int = 0, reason: str = "", is_temporary: bool = False
) -> Settled:
    wanted = part.wanted
    known_sha256 = wanted.known.sha256 if wanted.known else b""
    return Settled(
        path="" if _is_member(part) else wanted.item.path,
        named=named,
        outcome=outcome,
        passages=passages,
        reason=reason,
        fingerprint="" if is_temporary else wanted.item.fingerprint,
        sha256=known_sha256 if is_temporary else part.sha256,
        recipe=wanted.known.recipe if isinstance(part, Same) and wanted.known else wanted.recipe,
        facts=wanted.facts.digest,
        notes=wanted.item.notes,
        is_temporary=is_temporary,
    )
