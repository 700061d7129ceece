"""Estimates of tokens are on the high side, and leave nothing out that a model reads."""

import pytest

from steadyhand.catalog.tokens import estimate, of_messages, of_request
from steadyhand.types.message import Media, Message, Part, Reasoning, Tool, ToolCall, ToolResult
from steadyhand.types.model import CompletionRequest
from steadyhand.types.text import Segment

LONG = "figures and words " * 20
SAID = Segment(LONG, "caller", "untrusted", "internal")


@pytest.mark.parametrize(
    "part",
    [SAID, Reasoning(LONG), ToolCall("c", "add", LONG), ToolResult("c", (SAID,)), Media("image/png", data="iVBO")],
)
def test_every_part_of_a_message_counts(part: Part) -> None:
    assert of_messages([Message("user", (part,))]) >= len(LONG) / 4


def test_a_request_counts_with_its_tools() -> None:
    asked = CompletionRequest(messages=(Message("user", (SAID,)),), timeout_s=1)
    tools = (Tool("add", LONG, {"type": "object"}),)
    with_tools = CompletionRequest(messages=asked.messages, timeout_s=1, tools=tools)
    assert of_request(asked) == estimate([LONG])
    assert of_request(with_tools) >= 2 * of_request(asked)
