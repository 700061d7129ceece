"""Any sentence encoder that is exported to ONNX: a folder with `model.onnx` and `tokenizer.json`.

What the folder says in the files that sentence-transformers writes is followed: pooling (`1_Pooling/config.json`),
length (`sentence_bert_config.json`, `config.json`), prompts (`config_sentence_transformers.json`). The settings go
before the folder. Whatever the model gives is scaled to unit length.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from steadyhand.errors import ModelFilesError
from steadyhand.knowledge.embedders._session import MANY, padded, session, vectors_of
from steadyhand.settings import EmbedderSettings, Pooling, Precision
from steadyhand.types.ports import Vectors

GRAPHS: dict[Precision, tuple[str, ...]] = {
    "fp32": ("model.onnx", "onnx/model.onnx"),
    "int8": ("model_int8.onnx", "model_quantized.onnx", "onnx/model_int8.onnx", "onnx/model_quantized.onnx"),
}
"""Where the graph may lie in the folder; the first that is there counts."""

_MAX_TOKENS = 512  # where nobody says more or less
_MOST_TOKENS = 8_192
_CHARS_PER_TOKEN = 64  # keeps a huge text from being tokenized in full
_JSON_BYTES = 1 << 20
_SAME = 1e-4  # how far a vector may be from itself in other company before texts are embedded one by one
_PROBES = ("The limit is 140 EUR.", "Expense reports are due within thirty days of the last day of travel. " * 3)


@dataclass(frozen=True, slots=True)
class _Recipe:
    """What decides a vector besides the files."""

    pooling: Pooling
    max_tokens: int
    query_prefix: str
    passage_prefix: str


def from_settings(wanted: EmbedderSettings, models_folder: Path) -> "OnnxEmbedder":
    """The model in `wanted.folder`, which is taken below `models_folder` unless it is absolute.

    Reads every file of the model once, for its hash. Raises `ModelFilesError` when files are missing, or the graph
    is none that makes vectors of texts.
    """
    home = models_folder / wanted.folder
    graph = next((home / name for name in GRAPHS[wanted.precision] if (home / name).is_file()), None)
    tokenizer = home / "tokenizer.json"
    if graph is None or not tokenizer.is_file():
        missing = tokenizer.name if graph else " or ".join(GRAPHS[wanted.precision])
        raise ModelFilesError(
            f"expected an embedding model in {home}; found no {missing}",
            hint="export the model to ONNX with its tokenizer.json, and name that folder",
        )
    return OnnxEmbedder(graph, tokenizer, _recipe(home, wanted), wanted.threads or os.cpu_count() or 1)


class OnnxEmbedder:
    """A `LocalEmbed`. May be called from several threads at once."""

    def __init__(self, graph: Path, tokenizer: Path, recipe: _Recipe, threads: int) -> None:
        self._recipe = recipe
        self._threads = threads
        self._id = f"onnx:{tokenizer.parent.name}@{_hash(graph, tokenizer, recipe)}"
        try:
            self._tokenizer = Tokenizer.from_file(str(tokenizer))
            self._counter = Tokenizer.from_file(str(tokenizer))
            self._session = session(graph, threads)
        except Exception as error:  # noqa: BLE001 - both libraries raise bare Exceptions for files that are none
            raise ModelFilesError(f"expected an ONNX model in {graph.parent}; {error}") from None
        self._counter.no_padding()
        self._counter.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(recipe.max_tokens)
        self._inputs = _inputs(self._session, graph)
        self._output = _output(self._session, graph)
        self._batch = self._probed(graph)

    @property
    def id(self) -> str:
        """Changes with any byte of the files and anything else that decides a vector."""
        return self._id

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages, shape (n, dims), in the order of `texts`. Blocks."""
        return self._vectors([self._recipe.passage_prefix + text for text in texts])

    def questions(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions, to be compared with those of passages. Blocks."""
        return self._vectors([self._recipe.query_prefix + text for text in texts])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without a limit and with those that frame it."""
        return [len(encoding.ids) for encoding in self._counter.encode_batch_fast(list(texts))]

    def _vectors(self, texts: Sequence[str]) -> Vectors:
        ids = self._ids(texts)
        if not ids:
            return np.empty((0, 0), dtype=np.float32)
        return vectors_of(ids, self._batch, self._threads, self._embedded)

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text as far as they are read, at least one."""
        limit = _CHARS_PER_TOKEN * self._recipe.max_tokens
        encodings = self._tokenizer.encode_batch_fast([text[:limit] for text in texts])
        return [encoding.ids or [0] for encoding in encodings]

    def _embedded(self, batch: Sequence[Sequence[int]]) -> Vectors:
        ids, mask = padded(batch)
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (output,) = self._session.run([self._output], {name: given[name] for name in self._inputs})
        vectors = np.asarray(output, dtype=np.float32)
        if vectors.ndim == 3:
            vectors = _pooled(vectors, mask, self._recipe.pooling)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)

    def _probed(self, graph: Path) -> int:
        """How many texts may be embedded together: one, when company changes a vector, as in many int8 graphs."""
        try:
            ids = self._ids(_PROBES)
            together = self._embedded(ids)
            alone = np.concatenate([self._embedded([tokens]) for tokens in ids])
        except Exception as error:  # noqa: BLE001 - the runtime raises bare Exceptions for a graph it cannot run
            raise ModelFilesError(f"expected a graph that embeds texts in {graph}; {error}") from None
        if alone.ndim != 2 or not np.isfinite(alone).all() or not alone.any():
            raise ModelFilesError(f"expected a vector for each text from {graph}; found the shape {alone.shape}")
        return MANY if float(np.abs(together - alone).max()) < _SAME else 1


def _pooled(hidden: Vectors, mask: NDArray[np.int64], pooling: Pooling) -> Vectors:
    """One vector for each text from those of its tokens, shape (texts, length, dims)."""
    if pooling == "cls":
        return hidden[:, 0]
    if pooling == "last":
        return np.asarray(hidden[np.arange(len(hidden)), mask.sum(axis=1) - 1], dtype=np.float32)
    weights = mask[:, :, None].astype(np.float32)
    return np.asarray((hidden * weights).sum(axis=1) / weights.sum(axis=1), dtype=np.float32)


def _inputs(loaded: Any, graph: Path) -> list[str]:  # noqa: ANN401 - onnxruntime has no types
    """The names of the graph's inputs. Raises `ModelFilesError` for one that a text does not give."""
    names = [node.name for node in loaded.get_inputs()]
    known = ("input_ids", "attention_mask", "token_type_ids")
    odd = [node.name for node in loaded.get_inputs() if node.name not in known or node.type != "tensor(int64)"]
    if odd or "input_ids" not in names:
        raise ModelFilesError(
            f"expected the inputs {', '.join(known)} of type int64 in {graph}; found {', '.join(odd or names)}",
            hint="export the encoder alone, for feature extraction",
        )
    return names


def _output(loaded: Any, graph: Path) -> str:  # noqa: ANN401 - as above
    """The output to take: of whole texts (texts, dims) before that of their tokens (texts, length, dims)."""
    ranks: dict[str, int] = {node.name: len(node.shape) for node in loaded.get_outputs()}
    for name in ("sentence_embedding", "embedding", "last_hidden_state", "token_embeddings", *ranks):
        if ranks.get(name) in (2, 3) and name != "pooler_output":
            return name
    raise ModelFilesError(f"expected an output of 2 or 3 dimensions in {graph}; found {ranks}")


def _recipe(home: Path, wanted: EmbedderSettings) -> _Recipe:
    said = _read(home / "config_sentence_transformers.json").get("prompts") or {}
    lengths = [_read(home / "sentence_bert_config.json").get("max_seq_length"), _positions(home)]
    length = next((each for each in (wanted.max_tokens, *lengths) if isinstance(each, int)), _MAX_TOKENS)
    prompts = said if isinstance(said, dict) else {}
    return _Recipe(
        pooling=wanted.pooling or _pooling(home),
        max_tokens=max(8, min(length, _MOST_TOKENS)),
        query_prefix=wanted.query_prefix or str(prompts.get("query", "")),
        passage_prefix=wanted.passage_prefix or str(prompts.get("passage") or prompts.get("document") or ""),
    )


def _positions(home: Path) -> int | None:
    """How many tokens the model has places for; two of RoBERTa's are its own."""
    config = _read(home / "config.json")
    places = config.get("max_position_embeddings")
    if not isinstance(places, int):
        return None
    return places - 2 if "roberta" in str(config.get("model_type", "")) else places


def _pooling(home: Path) -> Pooling:
    config = _read(home / "1_Pooling" / "config.json")
    if config.get("pooling_mode_cls_token"):
        return "cls"
    return "last" if config.get("pooling_mode_lasttoken") else "mean"


def _read(path: Path) -> dict[str, Any]:
    """A JSON object of the folder; an empty one when the file is not there. Raises `ModelFilesError`."""
    if not path.is_file():
        return {}
    if path.stat().st_size > _JSON_BYTES:
        raise ModelFilesError(f"expected a small JSON file; {path} has {path.stat().st_size} bytes")
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise ModelFilesError(f"expected JSON in {path}; {error}") from None
    if not isinstance(found, dict):
        raise ModelFilesError(f"expected a JSON object in {path}; found {type(found).__name__}")
    return found


def _hash(graph: Path, tokenizer: Path, recipe: _Recipe) -> str:
    """Of every byte that decides a vector; weights may lie in files beside the graph."""
    digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode())
    for path in (graph, *_weights(graph), tokenizer):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]


def _weights(graph: Path) -> Iterator[Path]:
    """Files that the graph's tensors may lie in: those whose names go on from its own."""
    yield from sorted(path for path in graph.parent.glob(f"{graph.stem}*") if path != graph and path.is_file())
