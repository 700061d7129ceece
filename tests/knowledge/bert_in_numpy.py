"""A BERT sentence encoder in numpy: the oracle that the graph is compared with."""

import json
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_erf = np.vectorize(math.erf)


class BertInNumpy:
    """One text at a time, in float64."""

    def __init__(self, weights: Path) -> None:
        raw = weights.read_bytes()
        begin = 8 + int.from_bytes(raw[:8], "little")
        self._tensors = {
            name: np.frombuffer(raw[begin + entry["data_offsets"][0] : begin + entry["data_offsets"][1]], "<f4")
            .reshape(entry["shape"])
            .astype(np.float64)
            for name, entry in json.loads(raw[8:begin]).items()
            if entry.get("dtype") == "F32"
        }

    def __call__(self, ids: list[int]) -> Array:
        weight = self._tensors
        hidden = weight["embeddings.word_embeddings.weight"][ids]
        hidden = hidden + weight["embeddings.position_embeddings.weight"][: len(ids)]
        hidden = self._normal(hidden + weight["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(6):
            hidden = self._layer(hidden, f"encoder.layer.{layer}.")
        mean = hidden.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def _layer(self, hidden: Array, at: str) -> Array:
        query, key, value = (
            self._linear(hidden, f"{at}attention.self.{part}").reshape(len(hidden), 12, 32).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(32)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (scores / scores.sum(axis=-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(len(hidden), 384)
        hidden = self._normal(
            hidden + self._linear(mixed, at + "attention.output.dense"), at + "attention.output.LayerNorm"
        )
        wide = self._linear(hidden, at + "intermediate.dense")
        wide = wide * (1 + _erf(wide / math.sqrt(2))) / 2
        return self._normal(hidden + self._linear(wide, at + "output.dense"), at + "output.LayerNorm")

    def _linear(self, hidden: Array, name: str) -> Array:
        return hidden @ self._tensors[name + ".weight"].T + self._tensors[name + ".bias"]

    def _normal(self, hidden: Array, name: str) -> Array:
        centred = hidden - hidden.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
        return scaled * self._tensors[name + ".weight"] + self._tensors[name + ".bias"]
