"""What every built-in model keeps to."""

import json

import pytest

from steadyhand import plugins
from steadyhand.knowledge.embedders.minilm import MiniLM
from steadyhand.types.model import Example, Task

SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "kind": {"type": "string", "enum": ["a", "b"]}},
}
TASK = Task(
    input={"question": "What is it?"},
    query="What is it?",
    output_schema=SCHEMA,
    examples=(Example({"question": "What is this?"}, {"kind": "a"}),),
)


@pytest.mark.parametrize("name", plugins.names("providers.builtin"))
def test_a_built_in_model_answers_json_with_a_confidence_and_costs_no_tokens(name: str, embed: MiniLM):
    model = plugins.load("providers.builtin", name).build(embed)
    completion = model(TASK)
    assert isinstance(json.loads(completion.text), dict)
    assert completion.model == name
    assert completion.confidence is not None
    assert 0 <= completion.confidence <= 1
    assert completion.usage.input_tokens == completion.usage.output_tokens == 0
