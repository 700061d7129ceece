"""What a contract may refer to: the models, guardrails, knowledge bases and recipes that exist."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from steadyhand.types.ids import ModelId
from steadyhand.types.text import DataClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """`clearance_of` says what a model may see, None for one that does not exist.

    `models` are the catalogue's entries, from which a hint is taken.

    `knowledge_bases` are looked up each time: a folder may be added while features run.

    `recipes` holds one folder per recipe; None when there are none.
    """

    clearance_of: Callable[[ModelId], DataClass | None]
    models: tuple[ModelId, ...]
    guardrails: tuple[str, ...]
    knowledge_bases: Callable[[], tuple[str, ...]]
    class_of: Callable[[str], DataClass]  # of a knowledge base
    recipes: Path | None = None
