"""A tool that the model is made to call with its answer, where a vendor has no other way to hold it to a schema.

Its name begins with a mark of ours, so that an answer can be read without its request: what the model writes as the
tool's arguments is the answer's text.
"""

import re

from steadyhand.types.message import Tool
from steadyhand.types.model import CompletionRequest

_MARK = "answer__"
_LONGEST = 64  # characters of a tool's name; the stricter of the vendors' limits


def answer_tool(request: CompletionRequest) -> Tool | None:
    """The tool that takes the answer; None without a schema of an object, or where the caller forces a tool."""
    schema = request.output_schema
    is_free = request.tool_choice is None or request.tool_choice.mode in {"auto", "none"}
    if schema is None or schema.get("type") != "object" or not is_free:
        return None
    name = _MARK + re.sub(r"[^a-zA-Z0-9_-]", "_", request.output_name)
    return Tool(name[:_LONGEST], "Gives the answer. Call it exactly once, with the whole answer.", schema)


def is_answer_tool(name: str) -> bool:
    """Is a call of this tool the answer itself?"""
    return name.startswith(_MARK)
