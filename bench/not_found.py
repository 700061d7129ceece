"""How often weak evidence ends a run as "not found": rightly, and although the sources hold the answer.

    python bench/not_found.py --data DIR [--strangers DIR] [--top-k 8]

Every other document of the set is ingested. A question whose document is there is answerable, one whose document is
missing is not, and the questions of `--strangers`, another set, are about something else altogether. Each is looked
at twice: by the rule that spares a language model (`rule`), and by the built-in extractive model, which says so
itself (`extractive`). `false` is the share of the answerable questions that were turned away, `caught` and
`caught_strangers` the shares of the others. `rule_at` gives the rule's shares at other bounds.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import finish, ingest, load, say, track, workspace
from steadyhand.knowledge.embedders import minilm
from steadyhand.knowledge.search.support import NEEDED, support
from steadyhand.providers.builtin import extractive
from steadyhand.providers.ports import BuiltinModel
from steadyhand.settings import cache_folder
from steadyhand.types.json import JsonSchema
from steadyhand.types.model import Task
from steadyhand.types.passage import Passage
from steadyhand.workspace import OWNER, AsyncWorkspace

_OUTPUT: JsonSchema = {"type": "object", "properties": {"answer": {"type": "string"}, "found": {"type": "boolean"}}}
_BOUNDS = (0.02, 0.03, 0.05, 0.075, 0.1)
_STRANGERS = 200


@dataclass(frozen=True)
class Outcome:
    """`kind` is answerable, missing or strange; `support` the rule's score; `refused` what the model said."""

    kind: str
    support: float
    refused: bool


async def main(data: Path, strangers: Path | None, top_k: int) -> None:
    found = load(data)
    kept = {document: text for at, (document, text) in enumerate(found.texts.items()) if at % 2 == 0}
    questions = [
        ("answerable" if any(document in kept for document in found.grades[query]) else "missing", text)
        for query, text in found.queries.items()
    ]
    if strangers:
        questions += [("strange", text) for text in list(load(strangers).queries.values())[:_STRANGERS]]
    model = extractive.build(minilm.open(cache_folder() / "models"))
    async with workspace() as opened:
        await ingest(opened, replace(found, texts=kept))
        outcomes = [
            await _asked(opened, model, kind, text, top_k)
            for kind, text in track(questions, "asking", transient=True)
        ]
    say(f"{len(outcomes)} questions to {len(kept)} of {len(found.texts)} documents; the bound is {NEEDED}")
    finish({"set": found.name, **figures(outcomes)})


async def _asked(opened: AsyncWorkspace, model: BuiltinModel, kind: str, text: str, top_k: int) -> Outcome:
    passages = (await opened.search("set", text, principal=OWNER, top_k=top_k)).passages
    score = (await asyncio.to_thread(support, text, passages)).score
    return Outcome(kind, score, await asyncio.to_thread(_refuses, model, text, passages))


def _refuses(model: BuiltinModel, text: str, passages: tuple[Passage, ...]) -> bool:
    task = Task(input={"question": text}, query=text, output_schema=_OUTPUT, passages=passages)
    return json.loads(model(task).text)["found"] is False


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "rule": _shares(outcomes, [it.support < NEEDED for it in outcomes]),
        "extractive": _shares(outcomes, [it.refused for it in outcomes]),
        "rule_at": {str(bound): _shares(outcomes, [it.support < bound for it in outcomes]) for bound in _BOUNDS},
    }


def _shares(outcomes: Sequence[Outcome], turned_away: Sequence[bool]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, kind in (("false", "answerable"), ("caught", "missing"), ("caught_strangers", "strange")):
        away = [gone for outcome, gone in zip(outcomes, turned_away, strict=True) if outcome.kind == kind]
        if away:
            found[name] = round(sum(away) / len(away), 4)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--strangers", type=Path)
    parser.add_argument("--top-k", type=int, default=8)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.data, arguments.strangers, arguments.top_k))
