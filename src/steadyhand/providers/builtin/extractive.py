"""The model that needs no key and cannot make anything up: it answers by quoting the sources, with citations.

Its output is the feature's: the text field holds `"Sentence." [1] "Sentence." [2]`, and the boolean `found` or
`known`, if there is one, says whether the sources hold an answer.
"""

import json
from dataclasses import dataclass

from steadyhand.errors import ProviderRefused
from steadyhand.providers.builtin._select import Choice, Sentence, choose
from steadyhand.providers.ports import BuiltinModel
from steadyhand.types.json import JsonObject, JsonSchema, fields, found_field, required, text_field
from steadyhand.types.model import Completion, Task
from steadyhand.types.ports import Embed

NOT_FOUND = "Not found in the sources."


def build(embed: Embed) -> BuiltinModel:
    """The model over an embedder; keeps nothing between calls."""
    return _Extractive(embed)


@dataclass(frozen=True, slots=True)
class _Extractive:
    embed: Embed

    def __call__(self, task: Task) -> Completion:
        """The best sentences of `task.passages`. Raises `ProviderRefused` for fields it cannot fill."""
        filled = _Fields.of(task.output_schema)
        choice = choose(task.query, task.passages, self.embed)
        sentences = filled.fitting(choice)
        output: JsonObject = {filled.text: answer(sentences)}
        if filled.found:
            output[filled.found] = bool(sentences)
        output["citations"] = [{"passage": it.passage + 1, "quote": it.text} for it in sentences]
        text = json.dumps(output, ensure_ascii=False)
        return Completion(text=text, model="extractive", confidence=choice.confidence)


def answer(sentences: tuple[Sentence, ...]) -> str:
    """The quoted sentences with the numbers of their citations; line breaks of the source become spaces."""
    quoted = (f'"{" ".join(it.text.split())}" [{number}]' for number, it in enumerate(sentences, start=1))
    return " ".join(quoted) or NOT_FOUND


@dataclass(frozen=True, slots=True)
class _Fields:
    """The output fields that can be filled. `found` is "" when the schema has no such boolean."""

    text: str
    found: str
    longest: int | None

    @classmethod
    def of(cls, schema: JsonSchema) -> "_Fields":
        known = fields(schema)
        text, found = text_field(schema), found_field(schema)
        others = [name for name in required(schema) if name not in {text, found}]
        if not text or others:
            raise ProviderRefused(
                "the extractive model fills one text field and the boolean `found` or `known`;"
                f" found {', '.join(map(repr, known))}",
                hint=f"make {', '.join(others)} optional, or use another model"
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
