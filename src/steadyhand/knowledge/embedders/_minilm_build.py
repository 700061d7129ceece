"""Derives the graphs of MiniLM from its published files, and proves them before anybody uses them."""

from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

from steadyhand.errors import ModelFilesError
from steadyhand.knowledge.embedders import minilm
from steadyhand.knowledge.embedders._bert_graph import bert_sentence_encoder

_PROBES = (
    "The hotel limit is 140 EUR per night.",
    "Wer genehmigt eine Reise?",
    "Expense reports are due within thirty days of the last day of travel; receipts above 25 EUR are attached. "
    * 4,
)
_EXPECTED = np.array(  # the first six dimensions of each probe; tests compute them again without onnxruntime
    [
        [0.0972516, 0.0265299, -0.0361791, 0.0167045, -0.0457222, -0.0239994],
        [-0.1091432, 0.0498409, 0.0186392, 0.0039550, -0.0497726, 0.0611622],
        [0.0523935, 0.0057322, 0.0499001, 0.0377023, 0.0637795, -0.0082628],
    ],
    dtype=np.float32,
)
_TOLERANCE = 1e-5
_INT8_COSINE = 0.98


def build(home: Path) -> None:
    """Write both graphs beside the weights in `home`. Raises `ModelFilesError` when they compute something else."""
    fp32, int8 = (home / minilm.GRAPHS[precision] for precision in ("fp32", "int8"))
    fp32.write_bytes(bert_sentence_encoder(home / minilm.WEIGHTS.name).SerializeToString())
    _quantize(fp32, int8)
    exact = minilm.MiniLM(home, "fp32", 1)(_PROBES)
    error = float(np.abs(exact[:, : _EXPECTED.shape[1]] - _EXPECTED).max())
    if not error < _TOLERANCE:
        raise _wrong(f"expected the reference vectors within {_TOLERANCE}, found an error of {error:.1e}")
    cosine = float((minilm.MiniLM(home, "int8", 1)(_PROBES) * exact).sum(axis=1).min())
    if not cosine > _INT8_COSINE:
        raise _wrong(f"expected int8 vectors of cosine > {_INT8_COSINE} to fp32, found {cosine:.3f}")


def _quantize(fp32: Path, int8: Path) -> None:
    """int8 weights, a scale per channel: one scale per tensor would lose up to a tenth of the cosine."""
    folded = int8.with_name("folded.onnx")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folded)  # transposed weights become constants that can be quantised
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(fp32), options, providers=["CPUExecutionProvider"])
    quantize_dynamic(folded, int8, per_channel=True, weight_type=QuantType.QInt8)
    folded.unlink()


def _wrong(found: str) -> ModelFilesError:
    return ModelFilesError(
        f"the embedding model does not compute what it should on this machine: {found}",
        hint="please report it with the versions of onnxruntime and the CPU",
    )
