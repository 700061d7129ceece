"""Every shipped recipe is a good contract that a feature of three lines can extend."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from steadyhand import settings
from steadyhand.catalog.models import Catalog
from steadyhand.catalog.providers import providers
from steadyhand.features.check import problems
from steadyhand.features.known import RECIPES, known
from steadyhand.features.registry import Registry
from steadyhand.types.ids import FeatureName

NAMES = sorted(path.name for path in RECIPES.iterdir() if path.is_dir())


@pytest.mark.parametrize("recipe", NAMES)
def test_a_feature_of_a_few_lines_extends_it(recipe: str, tmp_path: Path) -> None:
    folder = tmp_path / "features" / "mine"
    folder.mkdir(parents=True)
    (tmp_path / "knowledge" / "handbook").mkdir(parents=True)
    (tmp_path / settings.FILE).write_text("")
    (folder / "feature.toml").write_text(
        f'extends = "recipe:{recipe}"\nname = "mine"\nowner = "me"\n[knowledge]\nbase = "handbook"\n'
    )
    names = known(settings.read(tmp_path), Catalog(providers({}), now=lambda: datetime.now(UTC)))
    assert problems(tmp_path, names) == []
    feature = Registry(tmp_path, names, lambda *_: None).get(FeatureName("mine"))
    assert feature.owner == "me"
    assert feature.knowledge is not None
    assert feature.knowledge.base == "handbook"
    assert feature.prompt
