"""A client's JSON, taken field by field: every wrong one is named, and what nobody took is what we do not know."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import NoReturn, Self, TypeVar

import msgspec

from steadyhand.errors import InvalidInput
from steadyhand.hints import excerpt
from steadyhand.types.json import Json, JsonObject

_HINT = "the vendor's API reference shows the request"

Shape = TypeVar("Shape")

_names = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Fields:
    """The fields of one JSON object at `place`, such as `messages[2]`. null stands for absent everywhere.

    What takes a field raises `InvalidInput` when it is there and of another type.
    """

    def __init__(self, found: Json, place: str) -> None:
        self.place = place
        if not isinstance(found, dict):
            refuse(place or "the body", "an object", found)
        self._left = {name: value for name, value in found.items() if value is not None}

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def at(self, name: str) -> str:
        """Where a field is, for messages and paths."""
        return f"{self.place}.{name}" if self.place else name

    def text(self, name: str) -> str:
        """ "" when it is absent."""
        value = self._left.pop(name, "")
        return value if isinstance(value, str) else refuse(self.at(name), "text", value)

    def required(self, name: str) -> str:
        """A text that must be there and not be empty."""
        return self.text(name) or refuse(self.at(name), "text", None)

    def whole(self, name: str) -> int | None:
        value = self._left.pop(name, None)
        is_whole = value is None or (isinstance(value, int) and not isinstance(value, bool))
        return value if is_whole else refuse(self.at(name), "a whole number", value)  # type: ignore[return-value]

    def number(self, name: str) -> float | None:
        value = self._left.pop(name, None)
        is_number = value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
        return value if is_number else refuse(self.at(name), "a number", value)  # type: ignore[return-value]

    def flag(self, name: str) -> bool | None:
        value = self._left.pop(name, None)
        return value if value is None or isinstance(value, bool) else refuse(self.at(name), "true or false", value)

    def objects(self, name: str) -> Iterator[Self]:
        """The objects of a list, each with its place; none when it is absent."""
        value = self._left.pop(name, [])
        if not isinstance(value, list):
            refuse(self.at(name), "a list", value)
        return (type(self)(item, f"{self.at(name)}[{index}]") for index, item in enumerate(value))

    def inner(self, name: str) -> Self:
        """An object inside; one without fields when it is absent."""
        return type(self)(self._left.pop(name, {}), self.at(name))

    def value(self, name: str) -> Json:
        """Whatever it is; None when it is absent."""
        return self._left.pop(name, None)

    def rest(self, *without: str) -> JsonObject:
        """What nobody took, without the fields that mean nothing further on."""
        return {name: value for name, value in self._left.items() if name not in without}


def parsed(body: bytes) -> Fields:
    """The fields of a request's body. Raises `InvalidInput`."""
    return Fields(decoded(body, msgspec.json.Decoder()), "")


def decoded(body: bytes, decoder: "msgspec.json.Decoder[Shape]") -> Shape:
    """The body in the decoder's shape. Raises `InvalidInput`."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"the body: {error}", hint=_HINT) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"expected a body of JSON; {error}", hint=_HINT) from None
    except RecursionError:
        raise InvalidInput("expected a body of JSON; it is nested too deeply", hint=_HINT) from None


def top(body: bytes, decoder: "msgspec.json.Decoder[Shape]", known: AbstractSet[str]) -> Shape:
    """The fields at the top of a body that decide who is asked and what is reserved, which are `known`.

    Raises `InvalidInput`, also for a body that a vendor could read otherwise than we do, because bytes are passed
    on as they came: of a field that is said twice some readers take the first and some the last, and some do not
    tell `Model` from `model`.
    """
    found = decoded(body, decoder)
    fields = decoded(body, _names)
    for name in fields:
        if name not in known and name.casefold() in known:
            raise InvalidInput(f"expected {name.casefold()!r} in small letters; found {name!r}", hint=_HINT)
    quotes = 2 * len(fields) + b"".join(fields.values()).count(b'"')  # fewer than there are: a field was lost
    if quotes != body.count(b'"') or '"' in "".join(fields):
        raise InvalidInput("expected every field once; one is there twice, or has a quotation mark in its name")
    return found


def refuse(place: str, expected: str, found: Json) -> NoReturn:
    """Raise `InvalidInput` for what was found at `place`; None says that nothing was."""
    shown = "nothing" if found is None else excerpt(msgspec.json.encode(found).decode())
    raise InvalidInput(f"{place}: expected {expected}; found {shown}", hint=_HINT)
