"""Keeps a knowledge base in step with its sources: lists, compares, removes, renames, labels, brings in.

Each group of documents is one transaction: a document is in the base with all its chunks, or not at all. Readings
and vectors are kept by what they were made from, as soon as they are made, so work that was interrupted is not done
twice.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeVar

from steadyhand.errors import SourceVanished, SteadyhandError
from steadyhand.knowledge.generations import Generations
from steadyhand.knowledge.index import compaction
from steadyhand.knowledge.ingest import store
from steadyhand.knowledge.ingest.bringing import PATH_LIMIT, Reads, SharedReading, Vision, Wanted
from steadyhand.knowledge.ingest.claims import Presence, Readings
from steadyhand.knowledge.ingest.facts import Facts, LabelsOf, facts_of, for_everyone
from steadyhand.knowledge.ingest.following import (
    Following,
    KnownItem,
    Outcome,
    Progress,
    Round,
    Settled,
    describe,
    forget,
    settle,
)  # fmt: skip
from steadyhand.knowledge.ingest.recipes import is_current, recipe_of
from steadyhand.knowledge.ingest.store import KnowledgeStore
from steadyhand.knowledge.ingest.writing import Writer
from steadyhand.knowledge.reading import chunking, formats
from steadyhand.types.source import Item, Source

Thing = TypeVar("Thing")

_MANY = 10  # documents; fewer may leave at once, as long as not all of them do
_BATCH = 500  # documents that are removed, renamed or labelled in one transaction
_POLL_S = 0.2  # while another process brings the source in


@dataclass(slots=True)
class _Listing:
    """What a source holds now, compared with what is remembered of it."""

    known: dict[str, KnownItem]
    seen_by: str  # the model that reads pictures; "" for none
    seen: set[str] = field(default_factory=set)
    same: list[KnownItem] = field(default_factory=list)
    described: dict[str, tuple[KnownItem, Facts]] = field(default_factory=dict)  # whose labels and the like changed
    wanted: dict[str, tuple[Item, Facts]] = field(default_factory=dict)  # new, or perhaps changed
    refused: list[Settled] = field(default_factory=list)
    renamed: dict[str, KnownItem] = field(default_factory=dict)  # new path -> what it was

    @property
    def gone(self) -> list[KnownItem]:
        moved = {item.path for item in self.renamed.values()}
        return [item for path, item in sorted(self.known.items()) if path not in self.seen and path not in moved]

    @property
    def total(self) -> int:
        return len(self.seen) + len(self.gone) + len(self.refused)


class Ingest:
    """`close` it in the event loop that used it. One round of a source runs at a time, whoever asks for it."""

    def __init__(
        self,
        knowledge: KnowledgeStore,
        generations: Generations,
        count_tokens: chunking.CountTokens,
        readers: Reads,
    ) -> None:
        database = knowledge.database
        self._knowledge = knowledge
        self._generations = generations
        self._presence = Presence(database)
        self.following = Following(database)
        self.readings = Readings(database)
        shared = SharedReading(self.readings, self._presence, readers)
        self._writer = Writer(knowledge, generations, count_tokens, readers, shared)

    async def close(self) -> None:
        await self._presence.close()

    async def sync(
        self,
        base: str,
        source: Source,
        *,
        labels_of: LabelsOf = for_everyone,
        allow_removals: bool = False,
        labels_only: bool = False,
        vision: Vision | None = None,
    ) -> AsyncGenerator[Progress, None]:
        """Make `base` hold exactly what is in `source` now, besides what came from elsewhere.

        Unchanged items are not opened; those that are gone end as `removed`; one of the same content under another
        path keeps its document. An item that cannot be read ends as `failed` with the reason and does not stop the
        others; one that no reader is there for is `skipped`. Labels are those that `labels_of` and the items say
        now; with `labels_only`, nothing else is done. Pictures are read by `vision`. Waits while another process
        brings the same source in.

        Removes nothing and raises `NotFound` when the source is not there, `SourceUnreadable` when it cannot be
        listed, and, unless `allow_removals`, `SourceVanished` when all of its documents are gone, or 10 and more
        than half. Raises `SourceBusy` when it was taken for dead and another process has taken over.
        """
        base_id = await self.ensure_base(base)
        round_ = await self._begun(base_id, source.origin)
        ended: SteadyhandError | None = SteadyhandError(
            "the sync was broken off", hint="begin it again: it goes on"
        )
        try:
            listing = await self._listing(round_, source, labels_of, vision.model if vision else "")
            if labels_only:
                await self._describe(round_, listing)
            else:
                if not allow_removals:
                    _refuse_vanished(base, source.origin, listing)
                async with aclosing(self._follow(round_, listing, vision)) as steps:
                    async for step in steps:
                        yield step
            ended = None
        except SteadyhandError as error:
            ended = error
            raise
        finally:
            await asyncio.shield(self.following.end(round_, ended))
        await compaction.ensure_index(self._knowledge.database, base_id)

    async def ensure_base(self, base: str) -> int:
        """The id of a base; a new one is made with the embedder that the settings want."""
        return await self._knowledge.ensure_base(base, await self._generations.wanted(base))

    async def _begun(self, base_id: int, origin: str) -> Round:
        while True:
            if round_ := await self.following.begin(base_id, origin, await self._presence.number()):
                return round_
            await asyncio.sleep(_POLL_S)

    async def _listing(self, round_: Round, source: Source, labels_of: LabelsOf, seen_by: str) -> _Listing:
        listing = _Listing(await self.following.known(round_), seen_by)
        remembered = {path: item.remembered for path, item in listing.known.items()}
        async with aclosing(source.items(remembered)) as items:
            async for item in items:
                _compare(listing, item, facts_of(item, labels_of))
        listing.renamed = _renamed(listing)
        return listing

    async def _follow(
        self, round_: Round, listing: _Listing, vision: Vision | None
    ) -> AsyncGenerator[Progress, None]:
        done, total = 0, listing.total
        at_once = [*(_same(item) for item in listing.same), *listing.refused]
        counted: Counter[Outcome] = Counter(one.outcome for one in at_once)
        named = await self.following.queue(round_, list(listing.wanted), counted, total)
        await self._describe(round_, listing)
        async with aclosing(self._steps(round_, listing, named, vision)) as groups:
            async for group in groups:
                for settled in group:
                    done += 1
                    total += not settled.path  # a member of a container, which nobody listed
                    yield _progress(settled, done, total)
        for settled in at_once:
            done += 1
            yield _progress(settled, done, total)

    async def _steps(
        self, round_: Round, listing: _Listing, named: Mapping[str, str], vision: Vision | None
    ) -> AsyncGenerator[Sequence[Settled], None]:
        """What leaves goes first, so that it is not served while much comes in."""
        for batch in _batches(sorted(listing.renamed)):
            yield await self._rename(round_, {path: listing.renamed[path] for path in batch}, listing, named)
        gone = listing.gone
        for leaving in _batches(gone):
            yield await self._remove(round_, leaving)
        left = {item.sha256: item.named for item in gone if item.sha256}
        wanted = [
            Wanted(
                item=item,
                named=named[path],
                recipe=recipe_of(path, listing.seen_by),
                facts=facts,
                known=listing.known.get(path),
            )
            for path, (item, facts) in listing.wanted.items()
            if path not in listing.renamed
        ]
        async with aclosing(self._writer.bring(round_, wanted, left, vision)) as groups:
            async for group in groups:
                yield group

    async def _remove(self, round_: Round, gone: Sequence[KnownItem]) -> list[Settled]:
        settled = [Settled(path=item.path, named=item.named, outcome="removed") for item in gone]
        async with self._knowledge.database.transaction() as transaction:
            await store.lock_base(transaction, round_.base_id)
            await store.remove(transaction, round_.base_id, [item.named for item in gone])
            await settle(transaction, round_, settled)
            await store.count_change(transaction, round_.base_id)
        return settled

    async def _rename(
        self, round_: Round, renamed: Mapping[str, KnownItem], listing: _Listing, named: Mapping[str, str]
    ) -> list[Settled]:
        """Documents whose file is the same under another path keep their version: nothing is read."""
        settled = []
        for path, old in renamed.items():
            item, facts = listing.wanted[path]
            settled.append(
                Settled(
                    path=path,
                    named=named[path],
                    outcome="unchanged",
                    fingerprint=item.fingerprint,
                    sha256=old.sha256,
                    recipe=old.recipe,
                    facts=facts.digest,
                    notes=item.notes,
                )
            )
        async with self._knowledge.database.transaction() as transaction:
            await store.lock_base(transaction, round_.base_id)
            await store.move(transaction, round_.base_id, {old.named: named[path] for path, old in renamed.items()})
            await forget(transaction, round_, [old.path for old in renamed.values()])
            facts_by_name = {named[path]: listing.wanted[path][1] for path in renamed}
            await store.relabel(transaction, round_.base_id, facts_by_name)
            await settle(transaction, round_, settled)
            await store.count_change(transaction, round_.base_id)
        return settled

    async def _describe(self, round_: Round, listing: _Listing) -> None:
        """Apply the labels, metadata and addresses that changed.

        Of a document whose content may have changed as well, the labels that are gone; the rest comes with the
        content.
        """
        for batch in _batches(sorted(listing.described)):
            items = [listing.described[path] for path in batch if path not in listing.wanted]
            changing = [listing.described[path] for path in batch if path in listing.wanted]
            async with self._knowledge.database.transaction() as transaction:
                await store.lock_base(transaction, round_.base_id)
                narrower = {item.named: facts.labels for item, facts in changing}
                await store.narrow(transaction, round_.base_id, narrower)
                await store.relabel(transaction, round_.base_id, {item.named: facts for item, facts in items})
                await describe(transaction, round_, {item.path: facts.digest for item, facts in items})
                await store.count_change(transaction, round_.base_id)


def _compare(listing: _Listing, item: Item, facts: Facts) -> None:
    if (refused := _refused(item)) is not None:
        listing.refused.append(refused)
        return
    listing.seen.add(item.path)
    known = listing.known.get(item.path)
    if known and known.facts != facts.digest:
        listing.described[item.path] = known, facts
    if known and _is_same(known, item, recipe_of(item.path, listing.seen_by)):
        listing.same.append(known)
    else:
        listing.wanted[item.path] = item, facts


def _is_same(known: KnownItem, item: Item, recipe: str) -> bool:
    is_settled = known.state in ("ready", "failed") and not known.is_temporary
    return is_settled and is_current(known.recipe, recipe) and known.fingerprint == item.fingerprint != ""


def _refused(item: Item) -> Settled | None:
    """What its name alone says about an item; None when it has to be read."""
    extension = formats.extension_of(item.path)
    if extension not in formats.supported() and extension not in formats.containers():
        reason = f"no reader for {extension or 'a name without extension'}"
        return Settled(path=item.path, named=item.path, outcome="skipped", reason=reason)
    if len(item.path.encode()) > PATH_LIMIT:
        reason = f"expected a path of at most {PATH_LIMIT} bytes; found a longer one"
        return Settled(path=item.path, named=item.path, outcome="failed", reason=reason)
    return None


def _renamed(listing: _Listing) -> dict[str, KnownItem]:
    """New paths whose fingerprint is that of a document that is gone. A container's members are read again."""
    gone = {
        (item.fingerprint, formats.extension_of(path)): item
        for path, item in listing.known.items()
        if path not in listing.seen
        and item.state == "ready"
        and item.fingerprint
        and is_current(item.recipe, recipe_of(path, listing.seen_by))
    }
    return {
        path: old
        for path, (item, _) in listing.wanted.items()
        if path not in listing.known
        and (extension := formats.extension_of(path)) not in formats.containers()
        and (old := gone.pop((item.fingerprint, extension), None))
    }


def _refuse_vanished(base: str, origin: str, listing: _Listing) -> None:
    """Raise `SourceVanished` when so much is gone that the source itself is more likely to be missing."""
    live = sum(item.state == "ready" for item in listing.known.values())
    leaving = sum(item.state == "ready" for item in listing.gone)
    if leaving and (leaving == live or (leaving >= _MANY and 2 * leaving > live)):
        raise SourceVanished(
            f"expected the documents that came from {origin}; {leaving} of {live} are gone, none was removed",
            hint=f"is the source there and whole? If they shall leave: steadyhand ingest {base} --allow-removals"
            " (and the PATH, unless it is declared)",
        )


def _same(item: KnownItem) -> Settled:
    outcome: Outcome = "failed" if item.state == "failed" else "unchanged"
    return Settled(path=item.path, named=item.named, outcome=outcome, reason=item.reason)


def _progress(settled: Settled, done: int, total: int) -> Progress:
    return Progress(done, total, settled.named, settled.outcome, settled.passages, settled.reason)


def _batches(things: Sequence[Thing]) -> Iterator[Sequence[Thing]]:
    return (things[start : start + _BATCH] for start in range(0, len(things), _BATCH))
