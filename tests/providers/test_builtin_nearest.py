"""The nearest model: rules first, then labelled examples, and a clear no for what it cannot fill."""

import json
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from steadyhand.errors import ProviderRefused
from steadyhand.features.shorttypes import object_schema
from steadyhand.knowledge.embedders.minilm import MiniLM
from steadyhand.providers.builtin import nearest
from steadyhand.types.json import JsonObject, JsonSchema
from steadyhand.types.model import Example, Task
from steadyhand.types.ports import Vectors

FIELDS = {"category": "billing | support | sales", "angry": "boolean", "language": "language", "note": "string ?"}
SCHEMA, _ = object_schema(FIELDS, ("output",))
EXAMPLES = tuple(
    Example({"subject": subject}, {"category": category, "angry": angry})
    for subject, category, angry in [
        ("I was charged twice for one order", "billing", True),
        ("The invoice shows the wrong amount", "billing", False),
        ("My credit card was debited but the payment failed", "billing", True),
        ("The app crashes when I open it", "support", False),
        ("I cannot log in to my account", "support", False),
        ("The device does not turn on", "support", True),
        ("Do you offer discounts for large orders?", "sales", False),
        ("I would like a quote for fifty units", "sales", False),
        ("Which plan is right for a team of ten?", "sales", False),
    ]
)


class Counted:
    id = "counted"

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, texts: Sequence[str]) -> Vectors:
        self.sizes.append(len(texts))
        return np.tile(np.float32([1, 0]), (len(texts), 1))


def task_of(
    values: JsonObject,
    *,
    settled: JsonObject | None = None,
    examples: tuple[Example, ...] = EXAMPLES,
    schema: JsonSchema = SCHEMA,
) -> Task:
    return Task(input=values, query="", output_schema=schema, examples=examples, settled=settled or {})


def test_the_nearest_examples_decide(embed: MiniLM):
    completion = nearest.build(embed)(task_of({"subject": "You took the money from my card two times!"}))
    output = json.loads(completion.text)
    assert output == {"category": "billing", "angry": True, "language": "en"}
    assert completion.confidence is not None
    assert 0.4 < completion.confidence <= 1


def test_what_resembles_nothing_is_unsure(embed: MiniLM):
    completion = nearest.build(embed)(
        task_of({"subject": "The weather in the mountains is lovely and the sun shines"})
    )
    assert completion.confidence is not None
    assert completion.confidence < 0.4


def test_what_rules_have_settled_stays_and_examples_say_the_rest(embed: MiniLM):
    settled: JsonObject = {"category": "sales"}
    output = json.loads(nearest.build(embed)(task_of({"subject": "Charged for a QUOTE"}, settled=settled)).text)
    assert output["category"] == "sales"
    assert set(output) == {"category", "angry", "language"}


def test_what_rules_settle_needs_no_examples():
    def embed(texts):
        raise AssertionError("nothing is left to look up")

    settled: JsonObject = {"category": "sales", "angry": False, "language": "de"}
    completion = nearest.build(embed)(task_of({"subject": "x"}, settled=settled, examples=()))
    assert json.loads(completion.text) == settled
    assert completion.confidence == 1


def test_the_language_is_that_of_the_text(embed: MiniLM):
    values: JsonObject = {
        "subject": "Rechnung",
        "body": "Ich habe die falsche Rechnung bekommen, was soll ich tun?",
    }
    assert json.loads(nearest.build(embed)(task_of(values)).text)["language"] == "de"


def test_fields_without_examples_are_refused_by_name():
    schema, _ = object_schema({"category": "a | b", "amount": "number", "summary": "text"}, ("output",))
    with pytest.raises(ProviderRefused, match="category, amount, summary") as caught:
        nearest.build(Counted())(task_of({"subject": "x"}, examples=(), schema=schema))
    assert "examples.jsonl" in caught.value.hint


def test_a_label_outside_the_enum_does_not_vote(embed: MiniLM):
    schema, _ = object_schema({"category": "support | sales"}, ("output",))
    text = nearest.build(embed)(task_of({"subject": "I was charged twice for one order"}, schema=schema)).text
    assert json.loads(text)["category"] in {"support", "sales"}


def test_examples_are_embedded_once_and_forgotten_when_others_came():
    embed = Counted()
    model = nearest.build(embed)
    for _ in range(3):
        model(task_of({"subject": "x"}))
    assert sorted(embed.sizes) == [1, 1, 1, len(EXAMPLES)]
    for number in range(20):
        model(task_of({"subject": "x"}, examples=(*EXAMPLES[:5], Example({"n": number}, {"category": "sales"}))))
    embed.sizes.clear()
    model(task_of({"subject": "x"}))
    assert sorted(embed.sizes) == [1, len(EXAMPLES)]


def test_many_threads_get_one_answer(embed: MiniLM):
    model, found = nearest.build(embed), []
    asked = task_of({"subject": "The app crashes"})
    threads = [threading.Thread(target=lambda: found.append(model(asked).text)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1
