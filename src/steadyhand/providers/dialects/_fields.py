"""Fields of a request's body: those that were set, and those of the caller's that we do not know."""

from collections.abc import Mapping

from steadyhand.types.json import Json, JsonObject


def given(**parameters: Json) -> JsonObject:
    """The parameters that were set: not None, and not empty."""
    return {name: value for name, value in parameters.items() if value is not None and value not in ("", [])}


def joined(ours: JsonObject, theirs: Mapping[str, Json]) -> JsonObject:
    """`theirs` on top of `ours`: objects are joined field by field, lists put behind each other."""
    out = dict(ours)
    for name, value in theirs.items():
        before = out.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            out[name] = joined(before, value)
        elif isinstance(before, list) and isinstance(value, list):
            out[name] = [*before, *value]
        else:
            out[name] = value
    return out
