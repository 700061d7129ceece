"""Classifies without a language model: what rules have settled stays, the nearest labelled examples say the rest.

It fills enums, booleans and languages. On the example company's tickets (76 examples, 40 of gold, five languages)
it is right in .90 of the categories, .82 of the urgencies and .90 of the sentiments. Its confidence is the
neighbours' agreement, not a calibrated probability. Source: k-nearest neighbours, votes weighted by similarity.
"""

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal

import numpy as np

from steadyhand.errors import ProviderRefused
from steadyhand.language.detect import UNKNOWN, language_of
from steadyhand.providers.ports import BuiltinModel
from steadyhand.types.json import Json, JsonObject, JsonSchema, fields, required
from steadyhand.types.model import Completion, Example, Task
from steadyhand.types.ports import Embed, Vectors

_NEIGHBOURS = 5
_SHARPNESS = 10.0  # a vote weighs e times more for every tenth of similarity
_FAMILIAR = 0.5  # similarity of the nearest example from which on the vote counts in full
_REMEMBERED = 16  # features whose examples stay embedded

_TAG_PATTERN = "^[a-zA-Z]{2,3}"  # how the patterns of BCP 47 begin

Kind = Literal["choice", "language", "other"]


def build(embed: Embed) -> BuiltinModel:
    """The model over an embedder. Thread-safe; keeps the vectors of the last 16 sets of examples."""
    return _Nearest(embed)


@dataclass(frozen=True, slots=True)
class Vote:
    """The winner of a vote among neighbours, and how sure it is in [0, 1]."""

    value: Json
    confidence: float


class _Nearest:
    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._lock = Lock()
        self._known: OrderedDict[int, tuple[tuple[Example, ...], Vectors]] = OrderedDict()

    def __call__(self, task: Task) -> Completion:
        """The output object as JSON. Raises `ProviderRefused` for a required field that it cannot fill."""
        output = dict(task.settled)
        open_kinds = {name: kind for name, kind in _kinds(task.output_schema).items() if name not in output}
        votes = self._votes(task, [name for name, kind in open_kinds.items() if kind == "choice"])
        votes |= {name: _language(task.input) for name, kind in open_kinds.items() if kind == "language"}
        output |= {name: vote.value for name, vote in votes.items()}
        _require(output, task.output_schema)
        return Completion(
            text=json.dumps(output, ensure_ascii=False),
            model="nearest",
            confidence=min((vote.confidence for vote in votes.values()), default=1.0),
        )

    def _votes(self, task: Task, names: Sequence[str]) -> dict[str, Vote]:
        if not names or not task.examples:
            return {}
        similarity = self._vectors(task.examples) @ self._embed([text_of(task.input)])[0]
        known = _field_schemas(task.output_schema)
        found = {name: vote(task.examples, similarity, name, _choices(known[name])) for name in names}
        return {name: it for name, it in found.items() if it is not None}

    def _vectors(self, examples: tuple[Example, ...]) -> Vectors:
        """Vectors of the examples' inputs; remembered for this very tuple, which lives as long as its contract."""
        with self._lock:
            if (known := self._known.get(id(examples))) is not None:
                self._known.move_to_end(id(examples))
                return known[1]
        vectors = self._embed([text_of(example.input) for example in examples])
        with self._lock:
            self._known[id(examples)] = examples, vectors
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return vectors


def text_of(values: JsonObject) -> str:
    """What is compared of an input: its texts, in the order of their names."""
    return "\n".join(value for _, value in sorted(values.items()) if isinstance(value, str))


def vote(examples: Sequence[Example], similarity: Vectors, field: str, allowed: Sequence[Json]) -> Vote | None:
    """The value that the nearest examples give `field`; None when no example has an allowed one."""
    labelled = [
        at for at, example in enumerate(examples) if field in example.output and example.output[field] in allowed
    ]
    nearest = sorted(labelled, key=lambda at: -similarity[at])[:_NEIGHBOURS]
    if not nearest:
        return None
    weights = np.exp(_SHARPNESS * (similarity[nearest] - similarity[nearest[0]]))
    shares = {
        value: float(sum(w for w, at in zip(weights, nearest, strict=True) if examples[at].output[field] == value))
        for value in dict.fromkeys(examples[at].output[field] for at in nearest)
    }
    value = max(shares, key=lambda value: shares[value])
    familiar = min(1.0, max(0.0, float(similarity[nearest[0]]) / _FAMILIAR))
    return Vote(value, familiar * shares[value] / float(weights.sum()))


def _language(values: JsonObject) -> Vote:
    found = language_of(text_of(values))
    return Vote(found, 0.0 if found == UNKNOWN else 1.0)


def _kinds(schema: JsonSchema) -> dict[str, Kind]:
    return {name: _kind(field) for name, field in _field_schemas(schema).items()}


def _kind(field: JsonObject) -> Kind:
    if "enum" in field or field.get("type") == "boolean":
        return "choice"
    pattern = field.get("pattern", "")
    is_tag = isinstance(pattern, str) and pattern.startswith(_TAG_PATTERN)
    return "language" if field.get("format") == "language" or is_tag else "other"


def _choices(field: JsonObject) -> Sequence[Json]:
    listed = field.get("enum")
    return (
        [value for value in listed if isinstance(value, str | int | float)]
        if isinstance(listed, list)
        else [False, True]
    )


def _field_schemas(schema: JsonSchema) -> dict[str, JsonObject]:
    return {name: field for name, field in fields(schema).items() if isinstance(field, dict)}


def _require(output: JsonObject, schema: JsonSchema) -> None:
    missing = [name for name in required(schema) if name not in output]
    if missing:
        raise ProviderRefused(
            f"the nearest model fills enums from labelled examples, booleans and languages; it cannot fill "
            f"{', '.join(missing)}",
            hint="label examples in examples.jsonl, make the fields optional, or use another model",
        )
