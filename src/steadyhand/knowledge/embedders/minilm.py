"""all-MiniLM-L6-v2 through onnxruntime and tokenizers: 384 dimensions, 256 tokens, English first.

Model: sentence-transformers/all-MiniLM-L6-v2, Apache-2.0, which `knowledge.embedding.pull` fetches.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Encoding, Tokenizer

from steadyhand.errors import ModelFilesError
from steadyhand.knowledge.embedders._session import MANY, padded, session, vectors_of
from steadyhand.knowledge.embedding import model_files
from steadyhand.knowledge.embedding.model_files import ModelFile
from steadyhand.settings import EmbedderSettings, Precision
from steadyhand.types.ports import Vectors

FOLDER = "all-MiniLM-L6-v2"
"""Name of the model's folder inside the folder of all local models."""

WEIGHTS = ModelFile(
    "model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", 90_868_376
)
TOKENIZER = ModelFile("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", 466_247)
PUBLISHED = (WEIGHTS, TOKENIZER)
GRAPHS: dict[Precision, str] = {"fp32": "minilm.fp32.onnx", "int8": "minilm.int8.onnx"}
BUILD = 1
"""Number of the way the graphs are derived; raising it has every machine derive them again."""

DIMS = 384
MAX_TOKENS = 256

_READ_CHARS = 16_384  # 256 tokens end long before; keeps a huge text from being tokenized in full
_END = 102  # [SEP]


def open(folder: Path, precision: Precision = "fp32", threads: int = 0) -> "MiniLM":  # noqa: A001 - `minilm.open`
    """The model in `folder`, which holds all local models. `threads` 0 takes the number of cores.

    Raises `ModelFilesError` when files are missing or not what they should be.
    """
    home = folder / FOLDER
    problem = model_files.problem(home, PUBLISHED, BUILD)
    if problem:
        raise ModelFilesError(
            f"the local embedding model cannot be opened: {problem}", hint="steadyhand models pull"
        )
    return MiniLM(home, precision, threads or os.cpu_count() or 1)


def from_settings(wanted: EmbedderSettings, models_folder: Path) -> "MiniLM":
    """Like `open`, as the settings say."""
    return open(models_folder, wanted.precision, wanted.threads)


class MiniLM:
    """A `LocalEmbed`. May be called from several threads at once.

    A text's vector is the same in any company: to the bit in int8, within 1e-6 in fp32.
    """

    def __init__(self, home: Path, precision: Precision, threads: int) -> None:
        self._id = f"minilm@{WEIGHTS.sha256[:8]}/{precision}"
        self._tokenizer = Tokenizer.from_file(str(home / TOKENIZER.name))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._threads = threads
        # A step of int8 is done before another thread has woken up to help.
        self._session = session(home / GRAPHS[precision], 1 if precision == "int8" else threads)
        # Activations are quantised by the range of a whole batch: alone, a text's vector depends on nothing else.
        self._batch = 1 if precision == "int8" else MANY

    @property
    def id(self) -> str:
        """Changes whenever vectors stop being comparable: `minilm@<hash of the weights>/<precision>`."""
        return self._id

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (n, 384), in the order of `texts`. Nothing behind 256 tokens is read. Blocks."""
        ids = [self._ids(encoding.ids) for encoding in self._encoded([text[:_READ_CHARS] for text in texts])]
        if not ids:
            return np.empty((0, DIMS), dtype=np.float32)
        return vectors_of(ids, self._batch, self._threads, self._embedded)

    def questions(self, texts: Sequence[str]) -> Vectors:
        """The same as of passages: the model was trained without a difference."""
        return self(texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without a limit and with the two that frame it."""
        return [len(encoding.ids) for encoding in self._encoded(texts)]

    def _encoded(self, texts: Sequence[str]) -> list[Encoding]:
        return list(self._tokenizer.encode_batch_fast(list(texts)))

    def _ids(self, ids: list[int]) -> list[int]:
        return ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], _END]

    def _embedded(self, batch: Sequence[Sequence[int]]) -> Vectors:
        ids, mask = padded(batch)
        (vectors,) = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return np.asarray(vectors, dtype=np.float32)
