"""What a call asks of a model: how much it reads and writes, and what it must be able to do."""

from dataclasses import dataclass
from decimal import Decimal

from steadyhand.types.json import Json, JsonSchema, fields
from steadyhand.types.message import Media, Message, ToolResult
from steadyhand.types.model import Capability, CompletionRequest

_SHORT = 40
"""Characters up to which a text counts as short, like a label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What the next call would need, at most, and what was spent before it, in tokens and US dollars."""

    input_tokens: int = 0
    output_tokens: int = 2_048  # what a CompletionRequest allows unless told otherwise
    run_usd: Decimal = Decimal(0)
    today_usd: Decimal = Decimal(0)
    needs: frozenset[Capability] = frozenset()


def needs(request: CompletionRequest) -> frozenset[Capability]:
    """What a model must be able to do to answer the request."""
    found: set[Capability] = set()
    if request.tools:
        found.add("tools")
    if request.output_schema is not None:
        found.add("json_schema")
    for message in request.messages:
        for media in _media(message):
            found.add("vision" if media.is_image else "documents")
    return frozenset(found)


def is_narrow(output_schema: JsonSchema) -> bool:
    """Is every field of the output a label, a number or a yes or no? Small models do such tasks well."""
    known = fields(output_schema)
    return bool(known) and all(_is_label(field) for field in known.values())


def _is_label(field: Json) -> bool:
    if not isinstance(field, dict):
        return False
    if "enum" in field or "const" in field or field.get("type") in ("boolean", "integer", "number"):
        return True
    longest = field.get("maxLength")
    return field.get("type") == "string" and isinstance(longest, int) and longest <= _SHORT


def _media(message: Message) -> list[Media]:
    inner = [part for whole in message.parts if isinstance(whole, ToolResult) for part in whole.parts]
    return [part for part in (*message.parts, *inner) if isinstance(part, Media)]
