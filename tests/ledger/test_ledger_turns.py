"""The words of a gateway call, whatever dialect its client speaks."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.ledger.turns import asked_model, turns

CHAT = {
    "model": "fast",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {}}],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "look", "arguments": '{"at": 1}'}}],
        },
        {"role": "tool", "content": "a cat"},
    ],
}
MESSAGE = {
    "model": "fast",
    "system": [{"type": "text", "text": "Be brief."}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}, {"type": "image", "source": {}}]},
        {"role": "assistant", "content": [{"type": "tool_use", "name": "look", "input": {"at": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "a cat"}]}]},
    ],
}
RESPONSE = {
    "model": "fast",
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "What is it?"}, {"type": "input_image"}]},
        {"type": "function_call", "name": "look", "arguments": '{"at": 1}'},
        {"type": "function_call_output", "output": "a cat"},
    ],
}


@pytest.mark.parametrize("request_", [CHAT, MESSAGE, RESPONSE], ids=["chat", "message", "response"])
def test_the_turns_of_every_dialect_are_told(request_: dict[str, object]) -> None:
    prompt = json.dumps(request_)
    first, second, third, fourth = turns(prompt)
    assert first == ("system", "Be brief.")
    assert (second.speaker, second.text.startswith("What is it?\n[")) == ("user", True)
    assert third.text == '[calls look {"at": 1}]'
    assert fourth.text == "a cat"
    assert asked_model(prompt) == "fast"


def test_a_plain_input_and_texts_to_be_embedded_are_turns_too() -> None:
    assert turns('{"model": "m", "input": "hello"}') == (("user", "hello"),)
    assert turns('["one", "two"]') == (("text", "one"), ("text", "two"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "model",
                    "system",
                    "instructions",
                    "messages",
                    "input",
                    "role",
                    "content",
                    "text",
                    "type",
                    "tool_calls",
                    "function",
                    "name",
                    "arguments",
                    "output",
                )
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_request_is_too_strange_to_be_shown(request_: object) -> None:
    assert all(isinstance(part, str) for turn in turns(json.dumps(request_)) for part in turn)
    assert isinstance(asked_model(json.dumps(request_)), str)


@pytest.mark.parametrize("prompt", ["", "Sort this ticket.", "[" * 100_000, '"text"'])
def test_what_is_no_request_has_no_turns(prompt: str) -> None:
    assert (turns(prompt), asked_model(prompt)) == ((), "")
