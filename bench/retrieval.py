"""Retrieval quality of the knowledge base: BM25, vectors, and both, on a set in the common layout.

    python bench/retrieval.py --data DIR [--precision fp32|int8] [--rerank NAME]...

The documents are ingested and searched as a user's would be: files, chunks, PostgreSQL. A document's rank is that
of its best chunk. With `--rerank` also what a reranker, such as `lexical`, makes of the hybrid search.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from harness import Set, finish, ingest, load, measures, say, track, workspace
from steadyhand.knowledge.search.finder import Candidates
from steadyhand.types.ports import Search
from steadyhand.types.search import AS_FOUND, Finish, SearchRequest
from steadyhand.workspace import OWNER

_CHUNKS = 50  # enough for ten documents, also where several chunks of one come first
_LEGS = {"bm25": 0.0, "dense": 1.0, "hybrid": None}


async def main(data: Path, precision: str, rerankers: Sequence[str]) -> None:
    found = load(data)
    async with workspace(f'[embedder]\nprecision = "{precision}"\n') as opened:
        began = time.perf_counter()
        names = await ingest(opened, found)
        say(f"{len(names)} documents ingested in {time.perf_counter() - began:.1f} s")
        figures = {
            leg: await _measured(leg, opened.searcher.weighted(weight), found, names)
            for leg, weight in _LEGS.items()
        }
        for name in rerankers:
            figures[name] = await _measured(name, opened.finder, found, names, Finish(rerank=name))
    finish({"set": found.name, **figures})


async def _measured(
    leg: str, search: Search | Candidates, found: Set, names: dict[str, str], wish: Finish = AS_FOUND
) -> dict[str, float]:
    ranked, seconds = {}, []
    for query, text in track(found.queries.items(), leg, transient=True):
        began = time.perf_counter()
        retrieval = await search(
            SearchRequest(knowledge_base="set", queries=(text,), principal=OWNER, top_k=_CHUNKS, finish=wish)
        )
        seconds.append(time.perf_counter() - began)
        ranked[query] = list(dict.fromkeys(names[passage.source] for passage in retrieval.passages))
    say(f"{leg}: median {median(seconds) * 1000:.1f} ms a question")
    return measures(ranked, found.grades)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--precision", choices=("fp32", "int8"), default="fp32")
    parser.add_argument("--rerank", action="append", default=[], metavar="NAME")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.data, arguments.precision, arguments.rerank))
