"""How much of the wanted words the found chunks hold, and how much else: recall, precision and IoU by characters.

    python bench/chunkspans.py --data DIR [--top 10]

`DIR` is a set with `spans.jsonl.gz`. Its documents are ingested and searched as a user's would be. What counts are
characters that are not white space: that is laid out anew.
"""

import argparse
import asyncio
from itertools import accumulate
from pathlib import Path
from statistics import mean

from harness import Set, finish, ingest, lines, load, say, track, workspace
from steadyhand.knowledge.embedders import minilm
from steadyhand.types.search import SearchRequest
from steadyhand.workspace import OWNER, AsyncWorkspace

_TOKENS = 250  # a chunk's most


async def main(data: Path, top: int) -> None:
    found = load(data)
    async with workspace() as opened:
        names = await ingest(opened, found)
        figures = await _measured(opened, found, names, _wanted(data), top)
        figures |= await _chunks(opened)
    finish({"set": found.name, "top": top, **figures})


def _wanted(data: Path) -> dict[str, list[tuple[str, int, int]]]:
    """Spans by question: document, start, end."""
    spans: dict[str, list[tuple[str, int, int]]] = {}
    for row in lines(data / "spans.jsonl.gz"):
        spans.setdefault(row["qid"], []).append((row["doc"], row["start"], row["end"]))
    return spans


async def _measured(
    opened: AsyncWorkspace,
    found: Set,
    names: dict[str, str],
    wanted: dict[str, list[tuple[str, int, int]]],
    top: int,
) -> dict[str, float]:
    places = {document: _Places(found.texts[document]) for document in names.values()}
    ours = {names[path]: _Places(text) for path, text in (await _texts(opened)).items()}
    heads = {document: ours[document].total - places[document].total for document in ours}  # the title before it
    recalls, precisions, overlaps = [], [], []
    for query, text in track(found.queries.items(), "asking", transient=True):
        spans = {(doc, at) for doc, start, end in wanted[query] for at in places[doc].solid(start, end)}
        request = SearchRequest(knowledge_base="set", queries=(text,), principal=OWNER, top_k=top)
        retrieved = {
            (document, at - heads[document])
            for passage in (await opened.searcher(request)).passages
            for document in (names[passage.source],)
            for at in ours[document].solid(passage.start, passage.end)
        }
        recalls.append(len(spans & retrieved) / len(spans))
        precisions.append(len(spans & retrieved) / len(retrieved))
        overlaps.append(len(spans & retrieved) / len(spans | retrieved))
    return {
        "char_recall": round(mean(recalls), 4),
        "char_precision": round(mean(precisions), 4),
        "iou": round(mean(overlaps), 4),
    }


class _Places:
    """Numbers the characters of a text that are not white space."""

    def __init__(self, text: str) -> None:
        self._before = [0, *accumulate(not char.isspace() for char in text)]

    @property
    def total(self) -> int:
        return self._before[-1]

    def solid(self, start: int, end: int) -> range:
        return range(self._before[start], self._before[end])


async def _texts(opened: AsyncWorkspace) -> dict[str, str]:
    rows = await opened.database.rows(
        "SELECT d.path, v.content FROM document d"
        " JOIN document_version v ON v.document_id = d.id AND v.died_at IS NULL"
    )
    return {row["path"]: row["content"] for row in rows}


async def _chunks(opened: AsyncWorkspace) -> dict[str, float]:
    rows = await opened.database.rows("SELECT body FROM chunk")
    bodies = [row["body"] for row in rows]
    tokens = minilm.from_settings(opened.settings.embedder, opened.settings.models_folder).count_tokens(bodies)
    if max(tokens) > _TOKENS:
        say(f"expected at most {_TOKENS} tokens a chunk; found {max(tokens)}")
    return {"chunks": len(bodies), "tokens_max": max(tokens), "tokens_mean": round(mean(tokens), 1)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--top", type=int, default=10)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.data, arguments.top))
