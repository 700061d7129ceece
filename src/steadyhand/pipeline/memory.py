"""Answers of runs that later runs may repeat: where the cache meets the run. The rules are in `caching`."""

import json
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec

from steadyhand.caching.keys import of_run
from steadyhand.caching.store import ResponseCache
from steadyhand.types.ids import ModelId
from steadyhand.types.passage import Contradiction, Evidence, Retrieval
from steadyhand.types.ports import ClassOf, SnapshotOf
from steadyhand.types.run import Run
from steadyhand.types.text import DataClass, highest, rank


class _Kept(msgspec.Struct, frozen=True):
    """An answer as it is kept. `output` is JSON; `confidence` is what the model stated, before it was judged."""

    run_id: str
    model: str
    output: str
    confidence: float | None
    evidence: list[Evidence]
    retrieved: str  # the snapshot it was read from
    told: list[int]  # document versions that it was made from
    contradictions: list[Contradiction]


@dataclass(frozen=True, slots=True)
class Memory:
    """What `recall` asks and `record` fills, for features whose contract has a `[cache]`."""

    cache: ResponseCache
    snapshot_of: SnapshotOf
    class_of: ClassOf

    async def recalled(self, run: Run) -> Run | None:
        """The run with the answer that was given before to the same input; None when there is none."""
        if not _may_repeat(run):
            return None
        knowledge = run.feature.knowledge
        snapshot = await self.snapshot_of(knowledge.base) if knowledge else ""
        data_class = highest(run.data_class, *([self.class_of(knowledge.base)] if knowledge else []))
        kept = _read(await self.cache.get(_key(run, data_class, snapshot)))
        if kept is None:
            return None
        return replace(
            run,
            output=json.loads(kept.output),
            model=ModelId(f"cache:{kept.model}"),
            confidence=kept.confidence,
            evidence=tuple(kept.evidence),
            retrieval=Retrieval((), kept.retrieved, tuple(kept.contradictions)) if kept.retrieved else None,
            told=frozenset(kept.told),
            data_class=data_class,
            recalled=kept.run_id,
        )

    async def keep(self, run: Run) -> None:
        """Keep the answer of a run that was answered by a model, without anything that a guardrail remarked on."""
        if run.status != "answered" or run.recalled or run.model is None or not _may_repeat(run):
            return
        assert run.feature.cache is not None
        assert run.output is not None
        found = run.retrieval or Retrieval((), "")
        kept = _Kept(
            run_id=run.id,
            model=run.model,
            output=json.dumps(run.output),
            confidence=run.completion.confidence if run.completion else run.confidence,
            evidence=list(run.evidence),
            retrieved=found.snapshot,
            told=sorted(run.told.union(passage.version_id for passage in found.passages)),
            contradictions=list(found.contradictions),
        )
        key = _key(run, run.data_class, found.snapshot)
        await self.cache.put(key, msgspec.json.encode(kept), run.feature.cache.ttl_s, run.id)


def _read(found: bytes | None) -> _Kept | None:
    """None also for what another version of Steadyhand kept in another form."""
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(found, type=_Kept) if found else None
    return None


def _may_repeat(run: Run) -> bool:
    """A guardrail that found personal data, secrets or orders in a run keeps it out of the cache altogether."""
    return run.feature.cache is not None and not run.findings


def _key(run: Run, data_class: DataClass, snapshot: str) -> bytes:
    return of_run(run.feature, run.input, scope=_scope(run, data_class), snapshot=snapshot)


def _scope(run: Run, data_class: DataClass) -> str:
    """Whose answers may be given: up to internal those of all who see the same documents, above it one's own."""
    sees = _seen(run)
    if rank(data_class) <= rank("internal"):
        return sees
    return f"{run.principal.key_id}\n{run.principal.name}\n{run.end_user}\n{sees}"


def _seen(run: Run) -> str:
    """The labels that decide which documents an answer comes from; "" where it comes from none."""
    if run.feature.knowledge is None:
        return ""
    sees = run.principal.sees
    return json.dumps(None if sees is None else sorted(sees))
