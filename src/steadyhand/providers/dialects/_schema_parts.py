"""Parts of a JSON Schema that a vendor's subset can only hold in one shape."""

from steadyhand.types.json import Json, JsonObject


def an_object(value: Json) -> JsonObject:
    """Raises `ValueError`: the schema cannot be told to the vendor."""
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def a_list(value: Json) -> list[Json]:
    """Raises `ValueError`: the schema cannot be told to the vendor."""
    if not isinstance(value, list):
        raise ValueError("no list")
    return value
