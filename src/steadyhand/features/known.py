"""What a contract may refer to: the models, guardrails, knowledge bases and recipes that exist."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from steadyhand.types.ids import ModelId


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """`is_model` decides; `models` are the catalogue's entries, from which a hint is taken.

    `knowledge_bases` are looked up each time: a folder may be added while features run.

    `recipes` holds one folder per recipe; None when there are none.
    """

    is_model: Callable[[ModelId], bool]
    models: tuple[ModelId, ...]
    guardrails: tuple[str, ...]
    knowledge_bases: Callable[[], tuple[str, ...]]
    recipes: Path | None = None
