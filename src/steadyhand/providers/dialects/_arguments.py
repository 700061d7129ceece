"""A tool call's arguments, for the vendors that want an object where a model writes text."""

import msgspec

from steadyhand.providers.dialects._reading import UNREADABLE
from steadyhand.types.json import JsonObject
from steadyhand.types.message import ToolCall


def arguments_of(call: ToolCall) -> JsonObject:
    """The arguments as an object; text that is none, as a model may write it, under the name `arguments`."""
    found = object_in(call.arguments.strip() or "{}")
    return {"arguments": call.arguments} if found is None else found


def object_in(text: str) -> JsonObject | None:
    """The JSON object that the text is; None for any other text."""
    try:
        found = msgspec.json.decode(text)
    except (*UNREADABLE, UnicodeEncodeError):
        return None
    return found if isinstance(found, dict) else None
