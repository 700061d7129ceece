"""Any cross-encoder in a folder: `model.onnx`, which gives a logit for each pair, and `tokenizer.json`.

The graph takes `input_ids` and `attention_mask`, maybe `token_type_ids`, all int64 (pairs, length), and gives one
number for each pair; of two classes the second counts, which is how classifiers are exported.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException
from tokenizers import Encoding, Tokenizer

from steadyhand.errors import ModelFilesError, UsageError
from steadyhand.knowledge.embedders._session import batches, padded, session
from steadyhand.types.passage import Passage
from steadyhand.types.ports import Ask

GRAPH, TOKENIZER = "model.onnx", "tokenizer.json"
_MAX_TOKENS = 512  # of question and passage together
_READ_CHARS = 16_384  # a passage's; 512 tokens end long before
_BATCH = 16


def open(argument: str, models_folder: Path, threads: int) -> "CrossEncoder":  # noqa: A001 - `onnx.open`
    """The model in the folder `argument`, as a path or inside the folder of local models.

    Raises `UsageError` without a folder, and `ModelFilesError` when what is there cannot be loaded.
    """
    if not argument:
        raise UsageError("expected onnx:FOLDER; found no folder", hint=f"name one with {GRAPH} and {TOKENIZER}")
    return CrossEncoder(models_folder / argument, threads)


class CrossEncoder:
    """One call computes at a time. Scores are the logistic function of the logits."""

    candidates = 50

    def __init__(self, home: Path, threads: int) -> None:
        for name in (GRAPH, TOKENIZER):
            if not (home / name).is_file():
                raise ModelFilesError(f"expected {name} in {home}; there is none", hint="put the files there")
        try:
            self._session = session(home / GRAPH, threads)
            self._tokenizer = Tokenizer.from_file(str(home / TOKENIZER))
        except Exception as error:  # both libraries raise bare exceptions
            raise ModelFilesError(f"{home} cannot be loaded: {error}", hint="export it to ONNX again") from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MAX_TOKENS, strategy="longest_first")
        self._inputs = {wanted.name for wanted in self._session.get_inputs()}
        if not {"input_ids", "attention_mask"} <= self._inputs:
            raise ModelFilesError(
                f"{home}: expected a graph that takes input_ids and attention_mask; it takes {sorted(self._inputs)}"
            )
        self._turn = asyncio.Lock()

    async def __call__(self, question: str, passages: Sequence[Passage], ask: Ask | None) -> list[float]:
        del ask
        texts = [passage.text[:_READ_CHARS] for passage in passages]
        async with self._turn:
            return await asyncio.to_thread(self._scores, question, texts)

    def _scores(self, question: str, texts: Sequence[str]) -> list[float]:
        pairs = self._tokenizer.encode_batch([(question, text) for text in texts])
        scores = np.empty(len(pairs))
        for batch in batches([len(pair) for pair in pairs], _BATCH):
            scores[batch] = self._logits([pairs[at] for at in batch])
        found: list[float] = (1 / (1 + np.exp(-np.clip(scores, -60, 60)))).tolist()
        return found

    def _logits(self, pairs: Sequence[Encoding]) -> NDArray[np.float64]:
        ids, mask = padded([pair.ids for pair in pairs])
        types, _ = padded([pair.type_ids for pair in pairs])
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        try:
            logits = self._session.run(None, {name: given[name] for name in self._inputs})[0]
        except (RuntimeException, KeyError) as error:
            raise ModelFilesError(f"the cross-encoder cannot be run: {error}") from error
        return np.asarray(logits, dtype=np.float64).reshape(len(pairs), -1)[:, -1]
