"""What the benches share: a workspace of their own, sets in the common layout, and measures of a ranking.

A set is a folder with `corpus.jsonl.gz` ({_id, title, text}), `queries.jsonl.gz` ({_id, text}), `qrels.tsv` (query,
document, grade) and, for some, `spans.jsonl.gz` ({qid, doc, start, end}).
"""

import gzip
import json
import math
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from rich.progress import Progress, track

from steadyhand.workspace import AsyncWorkspace


def say(text: str) -> None:
    """Talk goes to stderr; the figures alone to stdout."""
    print(text, file=sys.stderr, flush=True)


def finish(figures: Mapping[str, Any]) -> None:
    """Print the figures as the last line."""
    print(json.dumps(figures))


@asynccontextmanager
async def workspace(settings: str = "", copied: Path | None = None) -> AsyncIterator[AsyncWorkspace]:
    """An empty workspace, or a copy of one, with a database of its own; gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="steadyhand-bench-"))
    if copied is None:
        (root / "features").mkdir()
        (root / "steadyhand.toml").write_text(settings, encoding="utf-8")
    else:
        shutil.copytree(copied, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".steadyhand"))
    opened = await AsyncWorkspace.open(root)
    try:
        yield opened
    finally:
        await opened.close()
        pointer = root / ".steadyhand" / "database"
        if pointer.exists():
            shutil.rmtree(pointer.read_text(encoding="utf-8").strip(), ignore_errors=True)
        shutil.rmtree(root, ignore_errors=True)


@dataclass(frozen=True)
class Set:
    """A retrieval set: documents and questions by id, grades by question and document."""

    name: str
    titles: dict[str, str]
    texts: dict[str, str]
    queries: dict[str, str]
    grades: dict[str, dict[str, int]]


def load(folder: Path) -> Set:
    grades: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines():
        query, document, grade = line.split("\t")
        grades.setdefault(query, {})[document] = int(grade)
    corpus = list(lines(folder / "corpus.jsonl.gz"))
    return Set(
        name=folder.resolve().name,
        titles={row["_id"]: row.get("title", "") for row in corpus},
        texts={row["_id"]: row["text"] for row in corpus},
        queries={row["_id"]: row["text"] for row in lines(folder / "queries.jsonl.gz") if row["_id"] in grades},
        grades=grades,
    )


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


async def ingest(opened: AsyncWorkspace, found: Set) -> dict[str, str]:
    """Bring the set's documents in as files, through the door a user takes; returns file name -> document id.

    The files have neutral names: an id such as `Super_Bowl_50#0` would help the search.
    """
    folder = opened.settings.root / "knowledge" / "set"
    folder.mkdir(parents=True)
    names = {f"d{number:06}.txt": document for number, document in enumerate(found.texts)}
    for name, document in names.items():
        (folder / name).write_text(f"{found.titles[document]}\n\n{found.texts[document]}".strip(), encoding="utf-8")
    with Progress(transient=True) as bar:
        task = bar.add_task("ingesting", total=len(names))
        async for progress in opened.sync("set", folder):
            if progress.outcome != "added":
                say(f"{progress.path}: {progress.outcome} {progress.reason}")
            bar.update(task, completed=progress.done)
    return names


def measures(ranked: Mapping[str, Sequence[str]], grades: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
    """nDCG@10 (gain = grade), recall@10 (of at most ten) and MRR@10, averaged over the questions."""
    ndcg, recall, mrr = [], [], []
    for query, documents in ranked.items():
        wanted, top = grades[query], list(documents)[:10]
        gain = sum(wanted.get(document, 0) / math.log2(rank + 2) for rank, document in enumerate(top))
        best = sorted(wanted.values(), reverse=True)[:10]
        ndcg.append(gain / sum(grade / math.log2(rank + 2) for rank, grade in enumerate(best)))
        recall.append(sum(document in wanted for document in top) / min(len(wanted), 10))
        mrr.append(next((1 / (rank + 1) for rank, document in enumerate(top) if document in wanted), 0.0))
    return {"ndcg10": round(mean(ndcg), 4), "recall10": round(mean(recall), 4), "mrr": round(mean(mrr), 4)}


__all__ = ["Set", "finish", "ingest", "lines", "load", "measures", "say", "track", "workspace"]
