"""What a contract may refer to: the models, guardrails, knowledge bases and recipes that exist."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from steadyhand import plugins
from steadyhand.catalog.models import Catalog
from steadyhand.settings import KnowledgeSettings, Settings
from steadyhand.types.ids import ModelId
from steadyhand.types.text import DataClass

RECIPES = Path(__file__).parents[1] / "recipes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """`clearance_of` says what a model may see, None for one that does not exist.

    `models` gives the catalogue's entries, from which a hint is taken. `knowledge_bases` are looked up each time: a
    folder may be added while features run.

    `recipes` holds one folder per recipe; None when there are none.
    """

    clearance_of: Callable[[ModelId], DataClass | None]
    models: Callable[[], tuple[ModelId, ...]]
    guardrails: tuple[str, ...]
    knowledge_bases: Callable[[], tuple[str, ...]]
    class_of: Callable[[str], DataClass]  # of a knowledge base
    recipes: Path | None = None


def known(configured: Settings, catalog: Catalog) -> Known:
    """What the contracts of a workspace may name."""
    return Known(
        clearance_of=lambda model: entry.provider.clearance if (entry := catalog.find(model)) else None,
        models=catalog.ids,
        guardrails=plugins.names("guardrails"),
        knowledge_bases=partial(_knowledge_bases, configured),
        class_of=partial(class_of, configured),
        recipes=RECIPES,
    )


def class_of(configured: Settings, base: str) -> DataClass:
    """The data class of a knowledge base, also of one that nobody declared."""
    return configured.knowledge.get(base, KnowledgeSettings()).data_class


def _knowledge_bases(configured: Settings) -> tuple[str, ...]:
    """Declared in steadyhand.toml, or a folder in `knowledge/`."""
    folder = configured.root / "knowledge"
    folders = {path.name for path in folder.iterdir() if path.is_dir()} if folder.is_dir() else set()
    return tuple(sorted(folders | set(configured.knowledge)))
