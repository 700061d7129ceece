"""all-MiniLM-L6-v2 through onnxruntime and tokenizers: 384 dimensions, 256 tokens, English first.

Model: sentence-transformers/all-MiniLM-L6-v2, Apache-2.0. `knowledge.pull` fetches it and derives the graphs.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from steadyhand.errors import ModelFilesError
from steadyhand.knowledge import model_files
from steadyhand.knowledge.model_files import ModelFile
from steadyhand.settings import Precision
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

_BATCH = 32
_BATCH_TOKENS = 2_048  # padding included: keeps the working memory of one call near 150 MB
_STRETCH, _STRETCH_TOKENS = 1.25, 4  # a batch's longest text against its shortest
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


class MiniLM:
    """An `Embed`. May be called from several threads at once.

    A text's vector is the same in any company: to the bit in int8, within 1e-6 in fp32.
    """

    def __init__(self, home: Path, precision: Precision, threads: int) -> None:
        self._id = f"minilm@{WEIGHTS.sha256[:8]}/{precision}"
        self._tokenizer = Tokenizer.from_file(str(home / TOKENIZER.name))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._session = session(home / GRAPHS[precision], threads)
        # Activations are quantised by the range of a whole batch: alone, a text's vector depends on nothing else.
        self._batch = 1 if precision == "int8" else _BATCH

    @property
    def id(self) -> str:
        """Changes whenever vectors stop being comparable: `minilm@<hash of the weights>/<precision>`."""
        return self._id

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (n, 384), in the order of `texts`. Nothing behind 256 tokens is read. Blocks."""
        ids = [self._ids(encoding.ids) for encoding in self._encoded([text[:_READ_CHARS] for text in texts])]
        vectors = np.empty((len(ids), DIMS), dtype=np.float32)
        for batch in _batches([len(tokens) for tokens in ids], self._batch):
            vectors[batch] = self._embedded([ids[at] for at in batch])
        return vectors

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without a limit and with the two that frame it."""
        return [len(encoding.ids) for encoding in self._encoded(texts)]

    def _encoded(self, texts: Sequence[str]) -> list[Encoding]:
        return list(self._tokenizer.encode_batch_fast(list(texts)))

    def _ids(self, ids: list[int]) -> list[int]:
        return ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], _END]

    def _embedded(self, batch: Sequence[Sequence[int]]) -> Vectors:
        lengths = np.array([len(tokens) for tokens in batch])
        mask: NDArray[np.int64] = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
        ids = np.zeros_like(mask)
        ids[mask == 1] = np.concatenate([np.asarray(tokens, dtype=np.int64) for tokens in batch])
        (vectors,) = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return np.asarray(vectors, dtype=np.float32)


def session(graph: Path, threads: int) -> onnxruntime.InferenceSession:
    """A loaded graph that leaves idle cores to others: spinning threads cost a busy machine a multiple."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # the arena would keep the largest batch ever seen
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def _batches(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Positions grouped by length: at most `size` and `_BATCH_TOKENS` in a batch, and little of it padding."""
    batch: list[int] = []
    for at in sorted(range(len(lengths)), key=lambda at: lengths[at]):
        length = lengths[at]
        if batch and (
            len(batch) == size
            or (len(batch) + 1) * length > _BATCH_TOKENS
            or length > _STRETCH * lengths[batch[0]] + _STRETCH_TOKENS
        ):
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch
