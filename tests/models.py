"""The real embedding model, as fixtures for every test."""

from pathlib import Path

import pytest

from steadyhand.errors import ModelFilesError
from steadyhand.knowledge.embedders import minilm
from steadyhand.knowledge.embedding.pull import pull
from steadyhand.settings import cache_folder


@pytest.fixture(scope="session")
def models_folder() -> Path:
    """The user's folder of local models, with MiniLM in it; fetched once per machine."""
    folder = cache_folder() / "models"
    try:
        pull(folder)
    except ModelFilesError as error:
        pytest.skip(f"the embedding model cannot be had: {error}")
    return folder


@pytest.fixture(scope="session")
def embed(models_folder: Path) -> minilm.MiniLM:
    return minilm.open(models_folder, "fp32", threads=2)
