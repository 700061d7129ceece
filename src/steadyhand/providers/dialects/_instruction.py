"""What a model is told where no parameter of its vendor can hold it to JSON."""

import msgspec

from steadyhand.types.json import JsonSchema


def json_instruction(schema: JsonSchema | None) -> str:
    """The words that ask for an answer of this schema, or for any JSON object."""
    wanted = "Answer with one JSON object and nothing else."
    if schema is None:
        return wanted
    return f"{wanted} It must fit this JSON Schema:\n{msgspec.json.encode(dict(schema)).decode()}"
