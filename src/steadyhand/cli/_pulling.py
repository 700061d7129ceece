"""Fetches the local embedding model and shows how it goes."""

from pathlib import Path

from steadyhand.cli._terminal import Terminal
from steadyhand.knowledge.embedding import pull as fetching

_MB = 1_000_000


def pull(terminal: Terminal, models_folder: Path, source: Path | None = None) -> Path:
    """Where the model lies, fetched unless it is there already. Blocks. Raises `ModelFilesError`."""
    with terminal.progress("MiniLM embeddings, MB") as advance:

        def on_progress(doing: str, done: int, total: int) -> None:
            advance(done // _MB, total // _MB, doing)

        return fetching.pull(models_folder, source, on_progress)
