"""What is said in a conversation with a model: text, media, tool calls and their results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from steadyhand.types.json import Json, JsonSchema
from steadyhand.types.text import Segment

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Media:
    """An image or a document. Either `data`, in base64, or a `url` that the provider fetches."""

    media_type: str  # "image/png", "application/pdf"; "image/*" where only a URL is known
    data: str = ""
    url: str = ""
    name: str = ""

    @property
    def is_image(self) -> bool:
        return self.media_type.startswith("image/")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a tool. `arguments` is JSON text as the model wrote it, which may be no JSON at all."""

    id: str
    name: str
    arguments: str
    opaque: Mapping[str, Json] = field(default_factory=dict)  # what the vendor wants back with it, unchanged


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave for the call with this id. `name` is the tool's, which some dialects want again."""

    call_id: str
    parts: tuple["Segment | Media", ...]
    name: str = ""
    is_error: bool = False

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Segment))


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A model's thoughts, never part of its answer. `opaque` is what its vendor wants back, unchanged."""

    text: str
    opaque: Mapping[str, Json] = field(default_factory=dict)


Part: TypeAlias = Segment | Media | ToolCall | ToolResult | Reasoning


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. Tool calls and reasoning are the assistant's, tool results the user's."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Segment))

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Every text of the turn, those that tools gave included."""
        found: list[Segment] = []
        for part in self.parts:
            if isinstance(part, Segment):
                found.append(part)
            elif isinstance(part, ToolResult):
                found.extend(inner for inner in part.parts if isinstance(inner, Segment))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may ask for. `parameters` is the JSON Schema of its arguments, an object."""

    name: str
    description: str
    parameters: JsonSchema
    is_strict: bool = False


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """`auto`, `none`, `required` (any tool), or `tool` with the name of the one that must be called."""

    mode: Literal["auto", "none", "required", "tool"] = "auto"
    name: str = ""
    is_parallel: bool | None = None  # may several be asked for at once? None: the vendor's default


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer's text."""

    text: str

    @property
    def content(self) -> str:
        """What the model wrote."""
        return self.text


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of the model's thoughts."""

    text: str

    @property
    def content(self) -> str:
        """What the model wrote."""
        return self.text


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """The next piece of the call at `index`, which counts from 0. `id` and `name` come with its first piece."""

    index: int
    id: str
    name: str
    arguments: str

    @property
    def content(self) -> str:
        """What the model wrote."""
        return self.arguments


Delta: TypeAlias = TextDelta | ReasoningDelta | ToolCallDelta
