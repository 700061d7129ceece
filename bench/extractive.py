"""How often the built-in extractive model quotes the sentence with the answer, and whether its quotes are true.

    python bench/extractive.py --data DIR [--top-k 10]

Wants `spans.jsonl.gz` beside the other files of a set. The documents are ingested and searched as a user's would
be; the answer's citations are checked as a run checks them. `r1`: the first citation holds the answer's span; `r3`:
one of at most three does; `citations_exact`: the share of citations that are the document's own words at their
offsets.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any, TypeAlias

from harness import Set, finish, ingest, lines, load, say, track, workspace
from steadyhand.checks.citations import evidence
from steadyhand.knowledge.embedders import minilm
from steadyhand.providers.builtin import extractive
from steadyhand.providers.ports import BuiltinModel
from steadyhand.settings import cache_folder
from steadyhand.types.json import JsonSchema
from steadyhand.types.model import Task
from steadyhand.types.passage import Evidence, Passage, Retrieval
from steadyhand.workspace import OWNER

Search: TypeAlias = Callable[[str], Awaitable[Retrieval]]

_OUTPUT: JsonSchema = {"type": "object", "properties": {"answer": {"type": "string"}, "found": {"type": "boolean"}}}


@dataclass(frozen=True)
class Outcome:
    """`hits` and `exact`: one for each citation, in the order of the answer."""

    hits: tuple[bool, ...]
    exact: tuple[bool, ...]
    confidence: float
    seconds: float


async def main(data: Path, top_k: int) -> None:
    found = load(data)
    model = extractive.build(minilm.open(cache_folder() / "models"))
    spans = list(lines(data / "spans.jsonl.gz"))
    async with workspace() as opened:
        names = await ingest(opened, found)
        search = partial(opened.search, "set", principal=OWNER, top_k=top_k)
        finish(figures([outcome async for outcome in answered(found, names, spans, search, model)]))


async def answered(
    found: Set, names: dict[str, str], spans: Sequence[dict[str, Any]], search: Search, model: BuiltinModel
) -> AsyncIterator[Outcome]:
    """The question of each span, answered from what `search` gives. `names` maps sources to ids of documents."""
    for span in track(spans, "answering", transient=True):
        query = found.queries[span["qid"]]
        passages = (await search(query)).passages
        began = time.perf_counter()
        completion = await asyncio.to_thread(model, _task(query, passages))
        seconds = time.perf_counter() - began
        cited, untrue = evidence(json.loads(completion.text)["citations"], passages, "answer")
        hits = tuple(_holds(it, names, span) for it in cited)
        exact = tuple(_is_exact(it, found, names) for it in cited) + (False,) * len(untrue)
        yield Outcome(hits, exact, completion.confidence or 0.0, seconds)


def figures(outcomes: Sequence[Outcome]) -> dict[str, float]:
    exact = [one for outcome in outcomes for one in outcome.exact]
    say(f"median {median(outcome.seconds for outcome in outcomes) * 1000:.0f} ms a question, without the search")
    return {
        "r1": round(mean(any(outcome.hits[:1]) for outcome in outcomes), 4),
        "r3": round(mean(any(outcome.hits[:3]) for outcome in outcomes), 4),
        "citations_exact": round(mean(exact), 4) if exact else 0.0,
        "sentences": round(mean(len(outcome.hits) for outcome in outcomes), 2),
        "not_found": round(mean(not outcome.hits for outcome in outcomes), 4),
        "confidence": round(mean(outcome.confidence for outcome in outcomes), 4),
    }


def _task(query: str, passages: tuple[Passage, ...]) -> Task:
    return Task(input={"question": query}, query=query, output_schema=_OUTPUT, passages=passages)


def _holds(cited: Evidence, names: dict[str, str], span: dict[str, Any]) -> bool:
    """The span may end in the full stop that a sentence before an abbreviation lost: one character is forgiven."""
    return names[cited.source] == span["doc"] and cited.start <= span["start"] and span["end"] <= cited.end + 1


def _is_exact(cited: Evidence, found: Set, names: dict[str, str]) -> bool:
    document = names[cited.source]
    text = f"{found.titles[document]}\n\n{found.texts[document]}".strip()
    return text[cited.start : cited.end] == cited.quote


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--top-k", type=int, default=10)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.data, arguments.top_k))
