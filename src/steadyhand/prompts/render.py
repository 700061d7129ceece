"""From a template and untrusted input to the messages a model gets.

The contract's words are trusted. What callers and documents say stands between tags, as untrusted segments, and can
neither close its tag nor be read as a template.
"""

import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from steadyhand.prompts.template import PASSAGES, Placed, pieces
from steadyhand.prompts.writer import MATERIAL, Writer
from steadyhand.types.condition import Condition
from steadyhand.types.feature import Feature
from steadyhand.types.json import Json, JsonObject, JsonSchema, fields, required
from steadyhand.types.message import Message
from steadyhand.types.passage import Contradiction, Passage
from steadyhand.types.text import DataClass

_CITE = (
    "Every source has a number. In `citations`, name the number as `passage` and copy the supporting words exactly "
    "as `quote`, once for every statement. When the sources do not hold the answer, say so and leave `citations` "
    "empty."
)
_JSON_ONLY = "Answer with JSON only: one object that fits this JSON Schema, with no text before or after it."
_OTHERS = "other fields"
_ONE_FIELD = re.compile(r"\{\{\s*input\.(\w+)\s*\}\}")
_STALE = "A source marked `outdated_since` was not looked at again by that day: say so where you rely on it."
_CORRECT = "Your last answer was not accepted. Answer again, in full, without these faults:"


def messages(
    feature: Feature,
    input: JsonObject,  # noqa: A002 - the word of the contract
    passages: Sequence[Passage],
    feedback: Sequence[str],
    data_class: DataClass,
    *,
    today: date | None = None,
    disagree: Sequence[Contradiction] = (),
) -> tuple[Message, ...]:
    """What a model is told: the rendered prompt and the promise of the output, then what the prompt did not place.

    Sources that are stale on `today` are marked, and which of them `disagree` is said.

    `feedback` is that of the corrective retries so far; only the last one is sent, so that retries do not grow.
    `data_class` is the run's, and that of every segment a caller wrote.
    Raises `ContractInvalid` when the prompt cannot be rendered for this input.
    """
    values = _complete(feature, input)
    prompt = pieces(feature.prompt, values, len(passages))
    placed = {piece.field for piece in prompt if isinstance(piece, Placed)}
    system = Writer("system", feature.data_class)
    for piece in prompt:
        if not isinstance(piece, Placed):
            system.say(piece)
        elif piece.field == PASSAGES:
            system.sources(passages, today, disagree)
        elif piece:
            system.input(piece.field, piece, data_class)
    has_stale = today is not None and any(passage.is_stale(today) for passage in passages)
    system.say(f"\n\n{_instructions(feature, has_stale=has_stale)}")
    user = Writer("user", feature.data_class)
    if feature.knowledge is not None and PASSAGES not in placed:
        user.sources(passages, today, disagree)
    for name, value in _unplaced(feature, values, placed).items():
        if value is not None:
            user.input(name, _text(value), data_class)
            user.say("\n")
    user.say("Answer now.")
    told = [system.message(), user.message()]
    if feedback:
        told.append(_correction(feedback[-1], feature, data_class))
    return tuple(told)


def stable(told: Sequence[Message]) -> int:
    """How many leading messages hold nothing but the contract's own words: vendors may keep them between calls."""
    own = itertools.takewhile(lambda message: all(it.origin == "contract" for it in message.segments), told)
    return sum(1 for _ in own)


def query(feature: Feature, input: JsonObject) -> str:  # noqa: A002 - the word of the contract
    """What retrieval is asked: the contract's `knowledge.query`, else all texts of the input, one per line."""
    values = _complete(feature, input)
    template = feature.knowledge.query if feature.knowledge else ""
    if template:
        return "".join(pieces(template, values, 0)).strip()
    return "\n".join(value.strip() for value in values.values() if isinstance(value, str) and value.strip())


def conditions(feature: Feature, input: JsonObject) -> tuple[Condition, ...]:  # noqa: A002 - the word of the contract
    """What `knowledge.filter` asks of documents for this input; a value that is one field of it keeps its type."""
    values = _complete(feature, input)
    where = feature.knowledge.where if feature.knowledge else ()
    return tuple(replace(condition, value=_filled(condition.value, values)) for condition in where)


def _filled(value: Json, values: JsonObject) -> Json:
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    if not isinstance(value, str):
        return value
    alone = _ONE_FIELD.fullmatch(value.strip())
    if alone:
        return values.get(alone[1])
    return "".join(pieces(value, values, 0))


def wire_schema(feature: Feature) -> JsonSchema:
    """The schema of what a model answers: the output's, with `citations` when the feature has knowledge."""
    if feature.knowledge is None:
        return feature.output_schema
    return {
        **feature.output_schema,
        "properties": {**fields(feature.output_schema), "citations": _CITATIONS},
        "required": [*required(feature.output_schema), "citations"],
    }


_CITATIONS: JsonObject = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "passage": {"type": "integer", "minimum": 1, "description": "Number of the source."},
            "quote": {"type": "string", "minLength": 1, "description": "Words copied exactly from that source."},
        },
        "required": ["passage", "quote"],
        "additionalProperties": False,
    },
}


def _instructions(feature: Feature, *, has_stale: bool) -> str:
    schema = json.dumps(wire_schema(feature), ensure_ascii=False)
    cite = [_CITE] if feature.knowledge else []
    stale = [_STALE] if has_stale else []
    return "\n".join([MATERIAL, *cite, *stale, _JSON_ONLY, schema])


def _correction(feedback: str, feature: Feature, data_class: DataClass) -> Message:
    """The faults quote what a model wrote, so they are as untrusted as it is."""
    writer = Writer("user", feature.data_class)
    writer.say(f"{_CORRECT}\n<feedback>")
    writer.quote(feedback, "model", data_class, "feedback")
    writer.say("</feedback>")
    return writer.message()


def _unplaced(feature: Feature, values: JsonObject, placed: set[str]) -> JsonObject:
    """What the prompt did not place. Fields that the schema does not name go together: their names are not ours."""
    if "input" in placed:
        return {}
    known = fields(feature.input_schema)
    found = {name: value for name, value in values.items() if name in known and name not in placed}
    others: JsonObject = {name: value for name, value in values.items() if name not in known}
    return {**found, _OTHERS: others or None}


def _complete(feature: Feature, input: JsonObject) -> JsonObject:  # noqa: A002 - the word of the contract
    """The input with every field of its schema: None where the caller gave none."""
    return {**dict.fromkeys(fields(feature.input_schema)), **input}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
