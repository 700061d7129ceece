"""An answer that a vendor began is gone on with behind any of its events, in that vendor's dialect."""

import json
from typing import Any, cast

import pytest

from steadyhand import plugins
from steadyhand.errors import ProviderUnavailable
from steadyhand.pipeline.gateway.client import ClientDialect, ReplyWriter
from steadyhand.pipeline.gateway.relay import Relay
from steadyhand.providers.ports import Dialect
from steadyhand.types.message import TextDelta, ToolCallDelta
from steadyhand.types.model import Completion

TEXT = "one two three"
WORDS = ("one", " two", " three")


def chat(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return told({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


def told(said: dict[str, Any]) -> bytes:
    named = f"event: {said['type']}\n" if "type" in said else ""
    return f"{named}data: {json.dumps(said)}\n\n".encode()


def numbered(*events: dict[str, Any]) -> list[bytes]:
    return [
        told({**event, "type": f"response.{event['type']}", "sequence_number": at})
        for at, event in enumerate(events)
    ]


MESSAGE = {"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
PART = {"type": "output_text", "text": TEXT, "annotations": []}
THOUGHT = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "sealed"}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "in_progress",
    "output": [],
}
BEGUN = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "usage": {"input_tokens": 9},
}
HIDDEN = {"type": "redacted_thinking", "data": "sealed"}

VENDORS: dict[str, list[bytes]] = {
    "openai": [
        b": OPENROUTER PROCESSING\n\n",
        chat({"role": "assistant", "content": ""}),
        *(chat({"content": word}) for word in WORDS),
    ],
    "anthropic": [
        told({"type": "ping"}),
        told({"type": "message_start", "message": BEGUN}),
        told({"type": "content_block_start", "index": 0, "content_block": HIDDEN}),
        told({"type": "content_block_stop", "index": 0}),
        told({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
        *(
            told({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": word}})
            for word in WORDS
        ),
        told({"type": "content_block_stop", "index": 1}),
    ],
    "openai_responses": numbered(
        {"type": "created", "response": RESPONSE},
        {"type": "in_progress", "response": RESPONSE},
        {"type": "output_item.added", "output_index": 0, "item": THOUGHT},
        {"type": "output_item.done", "output_index": 0, "item": THOUGHT},
        {"type": "output_item.added", "output_index": 1, "item": MESSAGE},
        {"type": "content_part.added", "output_index": 1, "content_index": 0, "item_id": "msg_1", "part": PART},
        *(
            {"type": "output_text.delta", "output_index": 1, "content_index": 0, "item_id": "msg_1", "delta": word}
            for word in WORDS
        ),
        {"type": "output_item.done", "output_index": 1, "item": {**MESSAGE, "content": [PART]}},
    ),
}
CUTS = [(name, cut) for name, events in VENDORS.items() for cut in range(len(events) + 1)]


def dialect(name: str) -> Dialect:
    return cast("Dialect", plugins.load("providers.dialects", name))


def writer(name: str) -> ReplyWriter:
    found = cast("ClientDialect", plugins.load("serve.gateway.dialects", name))
    return found.Writer(model="m", run_id="R", created=1, wants_usage=True)


def test_every_dialect_of_clients_is_here() -> None:
    assert set(VENDORS) == set(plugins.names("serve.gateway.dialects"))


@pytest.mark.parametrize(("name", "cut"), CUTS)
def test_behind_every_event_the_answer_goes_on_as_its_dialect_wants_it(name: str, cut: int) -> None:
    relay = Relay(name, dialect(name).Stream, hides_usage=False)
    for event in VENDORS[name][:cut]:
        relay.take(event)
    passed = relay.passed()
    rest = TEXT.removeprefix(passed.part.text)
    next_one = writer(name)
    next_one.take_over(passed.events)
    call = ToolCallDelta(0, "call_1", "look", "{}")
    written = (next_one.delta(TextDelta(rest)) if rest else b"") + next_one.delta(call)
    whole = passed.events + written + next_one.end(Completion(text=TEXT, finish="tool"))
    stream = dialect(name).Stream()
    heard = stream.feed(whole)
    assert "".join(delta.content for delta in heard if isinstance(delta, TextDelta)) == TEXT
    finished = stream.finish()
    assert finished.text == TEXT
    assert [(it.id, it.name, it.arguments) for it in finished.tool_calls] == [("call_1", "look", "{}")]
    CHECKS[name]([json.loads(line[5:]) for line in whole.splitlines() if line.startswith(b"data: {")])


@pytest.mark.parametrize(("name", "cut"), CUTS)
def test_behind_every_event_an_error_can_be_told(name: str, cut: int) -> None:
    events = b"".join(VENDORS[name][:cut])
    last = writer(name)
    last.take_over(events)
    stream = dialect(name).Stream()
    stream.feed(events)
    with pytest.raises(ProviderUnavailable, match="gone"):
        stream.feed(last.fail(ProviderUnavailable("it is gone")))


def roles(events: list[dict[str, Any]]) -> None:
    deltas = [choice["delta"] for event in events for choice in event["choices"]]
    assert [at for at, delta in enumerate(deltas) if "role" in delta] == [0]


def blocks(events: list[dict[str, Any]]) -> None:
    """`message_start` once and first, blocks one behind the other, each closed before the next."""
    kinds = [event["type"] for event in events if event["type"] != "ping"]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    assert kinds.count("message_start") == 1
    opened, is_open = -1, False
    for event in events:
        kind = event["type"].removeprefix("content_block_")
        if kind == "start":
            assert (event["index"], is_open) == (opened + 1, False)
            opened, is_open = event["index"], True
        elif kind in ("delta", "stop"):
            assert (event["index"], is_open) == (opened, True)
            is_open = kind == "delta"
    assert not is_open


def items(events: list[dict[str, Any]]) -> None:
    """Numbers rise; items are added one behind the other, and what they became is in the last event."""
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    kinds = [event["type"].removeprefix("response.") for event in events]
    assert (kinds[0], kinds.count("created"), kinds[-1]) == ("created", 1, "completed")
    added = [event for event in events if event["type"] == "response.output_item.added"]
    done = [event for event in events if event["type"] == "response.output_item.done"]
    last = events[-1]["response"]
    assert [event["output_index"] for event in added] == list(range(len(added)))
    assert [event["item"] for event in done] == last["output"]
    assert last["id"] == events[0]["response"]["id"]


CHECKS = {"openai": roles, "anthropic": blocks, "openai_responses": items}


def test_a_stream_is_stuck_in_a_thought_and_behind_a_call_but_not_in_the_text_behind_a_thought() -> None:
    thought, word = chat({"reasoning_content": "Hm."}), chat({"content": "one"})
    call = chat({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}]})

    def passed(*events: bytes) -> tuple[bool, str, int]:
        relay = Relay("openai", dialect("openai").Stream, hides_usage=False)
        relay.take(b"".join(events))
        found = relay.passed()
        return found.is_stuck, found.part.text, len(found.part.pieces)

    assert passed(word) == (False, "one", 1)
    assert passed(thought) == (True, "", 1)
    assert passed(thought, word) == (False, "one", 2)
    assert passed(word, thought) == (True, "one", 2)
    assert passed(word, call, word)[0]
    assert passed(word, b"data: {broken\n\n", word) == (True, "one", 1)


def test_what_a_vendor_counted_before_it_broke_off_is_known() -> None:
    counted = {**BEGUN, "usage": {"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 1}}
    relay = Relay("anthropic", dialect("anthropic").Stream, hides_usage=False)
    relay.take(told({"type": "message_start", "message": counted}))
    usage = relay.passed().part.counted
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens) == (13, 4, 1)
