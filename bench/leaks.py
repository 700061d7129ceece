"""Random adds, changes, deletes, revocations and questions, with `kill -9` in between: what leaks, what gets lost?

    python bench/leaks.py [--operations 10000] [--kills 200]

A folder of small documents, each with a code word of its own, is changed at random, and one process follows it. At
the same time another process asks for code words, of documents that are there, that were changed, that were deleted
and that were revoked, as somebody with no label, with one, or as the owner. The first process is killed at random
moments, and another takes over.

What a question may find is known: what was acknowledged before it began, and either state of what was under way. A
leak is a passage that the asker must not see, or that was gone when the question began; a loss is a code word that
is there, may be seen, and is not found. Deleted and changed texts keep their code word in mind and are asked for
again and again.
"""

import argparse
import asyncio
import json
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import finish, say, workspace
from steadyhand.knowledge.embedding import opening
from steadyhand.knowledge.ingest.facts import LabelsOf
from steadyhand.knowledge.ingest.store import KnowledgeStore
from steadyhand.knowledge.ingest.sync import Ingest
from steadyhand.knowledge.reading.children import Readers
from steadyhand.knowledge.sources.folder import Folder
from steadyhand.types.run import Principal
from steadyhand.types.search import SearchRequest
from steadyhand.workspace import AsyncWorkspace

_BASE = "secrets"
_LABELS = ("everyone", "hr", "board")
_ASKERS = {
    "nobody": Principal("nobody", "caller"),
    "hr": Principal("hr", "caller", labels=frozenset({"hr"})),
    "owner": Principal("owner", "admin"),
}
_DOCUMENTS = 60  # about as many are there at a time


@dataclass(frozen=True)
class Text:
    """What a document holds: its code word, and the label that is needed to see it."""

    word: str
    label: str

    def may_be_seen_by(self, asker: str) -> bool:
        return asker == "owner" or self.label in ("everyone", asker)


@dataclass
class World:
    """The folder as it is, and for each path every text that a search may show at this moment."""

    folder: Path
    labels: Path
    live: dict[str, Text] = field(default_factory=dict)
    possible: dict[str, set[Text | None]] = field(default_factory=dict)
    former: list[str] = field(default_factory=list)

    def change(self, path: str, text: Text | None) -> None:
        """Bring the disk there. Until that is acknowledged both states may show."""
        before = self.live.get(path)
        self.possible.setdefault(path, {before}).add(text)
        if before is not None and (text is None or text.word != before.word):
            self.former.append(before.word)
        if text is None:
            self.live.pop(path, None)
            (self.folder / path).unlink()
        else:
            self.live[path] = text
            (self.folder / path).write_text(_written(text), encoding="utf-8")
        self.labels.write_text(json.dumps({path: text.label for path, text in self.live.items()}), encoding="utf-8")

    def acknowledge(self) -> None:
        self.possible.clear()

    def texts(self, path: str) -> set[Text | None]:
        return self.possible.get(path) or {self.live.get(path)}


async def main(operations: int, kills: int) -> None:
    chance = random.Random(7)  # noqa: S311 - the same story every time
    async with workspace() as opened:
        root = opened.settings.root
        world = World(root / "knowledge" / _BASE, root / "labels.json")
        world.folder.mkdir(parents=True)
        figures = await _story(chance, world, Follower(root), opened, operations=operations, kills=kills)
    finish(figures)


async def _story(
    chance: random.Random, world: World, follower: "Follower", asked: AsyncWorkspace, *, operations: int, kills: int
) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    fatal = set(chance.sample(range(operations), kills))
    began = time.perf_counter()
    await follower.start()
    _change(chance, world)
    await follower.sync()
    world.acknowledge()
    for number in range(operations):
        if number % 2 and number not in fatal and world.live:
            await _ask(chance, world, asked, counts)
            continue
        counts[_change(chance, world)] += 1
        following = asyncio.ensure_future(follower.sync())
        if number in fatal:
            await asyncio.sleep(chance.uniform(0, 0.06))
            await follower.kill()
            counts["killed"] += 1
            await _ask(chance, world, asked, counts)
            await follower.start()
            following = asyncio.ensure_future(follower.sync())
        elif world.live:
            await _ask(chance, world, asked, counts)
        await following
        world.acknowledge()
        if number % 500 == 0:
            say(f"{number} operations, {time.perf_counter() - began:.0f} s, {dict(counts)}")
    await _ask_all(world, asked, counts)
    await follower.kill()
    return {"operations": operations, **dict(counts), "leaks": counts["leaks"], "losses": counts["losses"]}


def _change(chance: random.Random, world: World) -> str:
    """One random change on disk; its name."""
    kinds = ["add"] if len(world.live) < 2 else ["change", "delete", "revoke"]
    kinds += ["add"] * (len(world.live) < _DOCUMENTS) * 2
    kind = chance.choice(kinds)
    word = "".join(chance.choices("bdfgklmnprstvz", k=12))
    path = f"d{chance.randrange(10**6):06}.md" if kind == "add" else chance.choice(sorted(world.live))
    if kind == "delete":
        world.change(path, None)
    elif kind == "revoke":
        before = world.live[path]
        world.change(path, Text(before.word, chance.choice([label for label in _LABELS if label != before.label])))
    else:
        world.change(path, Text(word, chance.choice(_LABELS)))
    return kind


async def _ask(chance: random.Random, world: World, asked: AsyncWorkspace, counts: Counter[str]) -> None:
    """Ask for a code word: of what is there, or of what was."""
    is_former = world.former and chance.random() < 0.4
    word = (
        chance.choice(world.former[-200:])
        if is_former
        else chance.choice(sorted(world.live.values(), key=str)).word
    )
    await _judged(word, chance.choice(sorted(_ASKERS)), world, asked, counts)


async def _judged(word: str, asker: str, world: World, asked: AsyncWorkspace, counts: Counter[str]) -> None:
    request = SearchRequest(
        knowledge_base=_BASE, queries=(f"What is the code word {word}?",), principal=_ASKERS[asker], top_k=5
    )
    found = {passage.source: passage.text for passage in (await asked.searcher(request)).passages}
    counts["questions"] += 1
    for path, text in found.items():
        allowed = [known for known in world.texts(path) if known is not None and known.may_be_seen_by(asker)]
        if not any(known.word in text for known in allowed):
            counts["leaks"] += 1
            say(f"leak: {asker} found {path}: {text!r}; allowed {allowed}")
    for path, text in world.live.items():
        if text.word == word and world.texts(path) == {text} and text.may_be_seen_by(asker):
            counts["expected"] += 1
            if path not in found:
                counts["losses"] += 1
                say(f"loss: {asker} did not find {word} in {path}")


async def _ask_all(world: World, asked: AsyncWorkspace, counts: Counter[str]) -> None:
    """In the end everything that is there is found, and nothing that was."""
    for word in [*(text.word for text in world.live.values()), *world.former[-1_000:]]:
        await _judged(word, "owner", world, asked, counts)


def _written(text: Text) -> str:
    return f"# A note\n\nThe code word {text.word} opens the door of this office, and of no other.\n"


class Follower:
    """A process that follows the folder whenever it is told to."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """A new process; what another one left undone is its to do."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--follow", str(self._root),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def sync(self) -> None:
        """Returns when the round is acknowledged, or the process is gone."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"sync\n")
        line = await process.stdout.readline()
        if not line and process.returncode is None and await process.wait() != -signal.SIGKILL:
            raise RuntimeError("the process that follows the folder has ended by itself")

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()


async def _follow(root: Path) -> None:
    """The other side of `Follower`."""
    folder = root / "knowledge" / _BASE
    loop = asyncio.get_running_loop()
    async with await AsyncWorkspace.open(root) as opened, Readers(workers=1) as readers:
        count_tokens = opening.minilm(opened.settings).count_tokens
        ingest = Ingest(KnowledgeStore(opened.database), opened.generations, count_tokens, readers)
        while await loop.run_in_executor(None, sys.stdin.readline):
            source, labels_of = Folder(folder, root), _labels(root / "labels.json")
            async for progress in ingest.sync(_BASE, source, labels_of=labels_of, allow_removals=True):
                if progress.outcome in ("failed", "skipped"):
                    raise RuntimeError(f"{progress.path}: {progress.outcome} {progress.reason}")
            print("done", flush=True)


def _labels(file: Path) -> LabelsOf:
    said = json.loads(file.read_text(encoding="utf-8"))
    return lambda path: frozenset({said.get(path, "board")})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--follow", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.follow:
        asyncio.run(_follow(arguments.follow))
    else:
        asyncio.run(main(arguments.operations, arguments.kills))
