"""Fields of the caller's that we do not know, on their way to the vendor."""

from collections.abc import Mapping

from steadyhand.types.json import Json, JsonObject


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
