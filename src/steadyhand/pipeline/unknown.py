"""Says that the sources do not hold the answer where they hardly touch the question; no model has to invent."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from steadyhand.checks.citations import is_abstention
from steadyhand.checks.schema import violations
from steadyhand.knowledge.search.support import NEEDED, Support, support
from steadyhand.types.feature import Feature
from steadyhand.types.ids import ModelId
from steadyhand.types.json import JsonObject, found_field
from steadyhand.types.passage import Passage
from steadyhand.types.run import Run

NOBODY = ModelId("local:not_found")
TEXT = "Not found in the sources."


async def not_found(run: Run, wordings: Sequence[str]) -> tuple[Run, str]:
    """The run, which is at its end when its passages are too weak, and a sentence on why; "" when they are not.

    Of the `wordings` that were searched the one counts that the passages speak for most. Built-in models cannot
    invent and have a finer rule of their own, which counts unless the contract sets a bound.
    """
    knowledge = run.feature.knowledge
    passages = run.retrieval.passages if run.retrieval else ()
    if knowledge is None or (output := _saying_so(run.feature)) is None:
        return run, ""
    found = await asyncio.to_thread(_best, wordings, passages) if passages else Support(0.0, 0.0, 0.0)
    is_theirs = knowledge.min_score is None and all(model.startswith("local:") for model in run.feature.models)
    needed = NEEDED if knowledge.min_score is None else knowledge.min_score
    if passages and (is_theirs or found.score >= needed):
        return run, ""
    ended = replace(run, output=output, model=NOBODY, confidence=1 - found.score)
    return ended, f"not found: support {found} of {len(passages)} passages, {needed:g} is needed"


def _best(wordings: Sequence[str], passages: Sequence[Passage]) -> Support:
    return max((support(wording, passages) for wording in wordings), key=lambda each: each.score)


def _saying_so(feature: Feature) -> JsonObject | None:
    """The output for it: the contract's fallback where that says it, else its text field; None when it has none."""
    if feature.fallback is not None and is_abstention(feature.fallback, feature.output_schema):
        return dict(feature.fallback)
    found = found_field(feature.output_schema)
    output: JsonObject = {found: False, **({feature.text_field: TEXT} if feature.text_field else {})}
    return output if found and not violations(output, feature.output_schema, "output") else None
