"""The model that needs no key and cannot make anything up: it answers by quoting the sources, with citations.

Its output is the feature's: the text field holds `"Sentence." [1] "Sentence." [2]`, the first boolean field, if
there is one, says whether anything was found.
"""

import json
from dataclasses import dataclass

from steadyhand.errors import ProviderRefused
from steadyhand.providers.builtin._select import Choice, Sentence, choose
from steadyhand.providers.ports import Local
from steadyhand.types.json import Json, JsonObject, JsonSchema
from steadyhand.types.model import Completion, CompletionRequest
from steadyhand.types.ports import Embed

NOT_FOUND = "Not found in the sources."


def build(embed: Embed) -> Local:
    """The model over an embedder; keeps nothing between calls."""
    return _Extractive(embed)


@dataclass(frozen=True, slots=True)
class _Extractive:
    embed: Embed

    def __call__(self, request: CompletionRequest) -> Completion:
        """The best sentences of `request.task.passages`. Raises `ProviderRefused` for fields it cannot fill."""
        fields = _Fields.of(request.task.output_schema)
        choice = choose(request.task.query, request.task.passages, self.embed)
        sentences = fields.fitting(choice)
        output: JsonObject = {fields.text: answer(sentences)}
        if fields.found:
            output[fields.found] = bool(sentences)
        output["citations"] = [{"passage": it.passage + 1, "quote": it.text} for it in sentences]
        text = json.dumps(output, ensure_ascii=False)
        return Completion(text=text, model="extractive", confidence=choice.confidence)


def answer(sentences: tuple[Sentence, ...]) -> str:
    """The quoted sentences with the numbers of their citations; line breaks of the source become spaces."""
    quoted = (f'"{" ".join(it.text.split())}" [{number}]' for number, it in enumerate(sentences, start=1))
    return " ".join(quoted) or NOT_FOUND


@dataclass(frozen=True, slots=True)
class _Fields:
    """The output fields that can be filled. `found` is "" when the schema has no boolean."""

    text: str
    found: str
    longest: int | None

    @classmethod
    def of(cls, schema: JsonSchema) -> "_Fields":
        properties, required = schema.get("properties"), schema.get("required")
        known: dict[str, Json] = properties if isinstance(properties, dict) else {}
        text = next((name for name, it in known.items() if _is(it, "string")), "")
        found = next((name for name, it in known.items() if _is(it, "boolean")), "")
        others = [name for name in required if name not in {text, found}] if isinstance(required, list) else []
        if not text or others:
            raise ProviderRefused(
                f"the extractive model fills one text field and one boolean; found {', '.join(map(repr, known))}",
                hint=f"make {', '.join(map(str, others))} optional, or use another model"
                if others
                else "give the output a text field",
            )
        limits = known[text]
        longest = limits.get("maxLength") if isinstance(limits, dict) else None
        return cls(text, found, longest if isinstance(longest, int) else None)

    def fitting(self, choice: Choice) -> tuple[Sentence, ...]:
        """As many of the sentences as the text field has room for."""
        sentences = choice.sentences
        while sentences and self.longest is not None and len(answer(sentences)) > self.longest:
            sentences = sentences[:-1]
        return sentences


def _is(schema: Json, kind: str) -> bool:
    return isinstance(schema, dict) and schema.get("type") == kind and "enum" not in schema
