"""Retrieval quality of the knowledge base: BM25, vectors, and both, on a set in the common layout.

    python bench/retrieval.py --data DIR [--precision fp32|int8]

The documents are ingested and searched as a user's would be: files, chunks, PostgreSQL. A document's rank is that
of its best chunk.
"""

import argparse
import asyncio
import time
from pathlib import Path
from statistics import median

from harness import Set, finish, ingest, load, measures, say, track, workspace
from steadyhand.knowledge.search import DENSE_WEIGHT
from steadyhand.types.search import SearchRequest
from steadyhand.workspace import OWNER, AsyncWorkspace

_CHUNKS = 50  # enough for ten documents, also where several chunks of one come first
_LEGS = {"bm25": 0.0, "dense": 1.0, "hybrid": DENSE_WEIGHT}


async def main(data: Path, precision: str) -> None:
    found = load(data)
    async with workspace(f'[embedder]\nprecision = "{precision}"\n') as opened:
        began = time.perf_counter()
        names = await ingest(opened, found)
        say(f"{len(names)} documents ingested in {time.perf_counter() - began:.1f} s")
        figures = {leg: await _measured(opened, found, names, weight) for leg, weight in _LEGS.items()}
    finish({"set": found.name, **figures})


async def _measured(opened: AsyncWorkspace, found: Set, names: dict[str, str], weight: float) -> dict[str, float]:
    search = opened.searcher.weighted(weight)
    ranked, seconds = {}, []
    for query, text in track(found.queries.items(), f"dense weight {weight}", transient=True):
        began = time.perf_counter()
        retrieval = await search(
            SearchRequest(knowledge_base="set", queries=(text,), principal=OWNER, top_k=_CHUNKS)
        )
        seconds.append(time.perf_counter() - began)
        ranked[query] = list(dict.fromkeys(names[passage.source] for passage in retrieval.passages))
    say(f"dense weight {weight}: median {median(seconds) * 1000:.1f} ms a question")
    return measures(ranked, found.grades)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--precision", choices=("fp32", "int8"), default="fp32")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.data, arguments.precision))
