"""The graph of a BERT sentence encoder, written from its weights file. No torch.

The graph holds no weights: it points into `model.safetensors` beside it, which the runtime maps into memory.
Source: Devlin et al. 2019 for the encoder, Reimers and Gurevych 2019 for mean pooling.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import TensorProto, helper

OPSET = 17
_HEADS = 12
_EPSILON = 1e-12


@dataclass(frozen=True, slots=True)
class _Tensor:
    shape: tuple[int, ...]
    offset: int  # bytes from the beginning of the file
    size_bytes: int


def bert_sentence_encoder(weights: Path) -> onnx.ModelProto:
    """`input_ids` and `attention_mask`, int64 (batch, length), to `embedding`, float32 unit vectors (batch, dims).

    Exact (erf) GELU; mean over the mask and L2 normalisation are part of the graph.
    """
    tensors = _tensors(weights)
    layers = 1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("encoder.layer."))
    graph = _Graph(weights.name, tensors)
    hidden = graph.embeddings()
    bias = graph.mask_bias()
    for layer in range(layers):
        hidden = graph.layer(hidden, bias, f"encoder.layer.{layer}.")
    graph.pool(hidden)
    return graph.model()


def _tensors(weights: Path) -> dict[str, _Tensor]:
    """Where each float32 tensor lies. Source: the safetensors format, 8 bytes of length and a JSON header."""
    with weights.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    return {
        name: _Tensor(
            tuple(entry["shape"]),
            8 + length + entry["data_offsets"][0],
            entry["data_offsets"][1] - entry["data_offsets"][0],
        )
        for name, entry in header.items()
        if entry.get("dtype") == "F32"
    }


class _Graph:
    """Nodes in order. Every method adds some and returns the name of the tensor they end in."""

    def __init__(self, file_name: str, tensors: dict[str, _Tensor]) -> None:
        self._file_name = file_name
        self._tensors = tensors
        self._dims = tensors["embeddings.word_embeddings.weight"].shape[1]
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._used: dict[str, onnx.TensorProto] = {}

    def embeddings(self) -> str:
        words = self._op("Gather", self._weight("embeddings.word_embeddings.weight"), "input_ids")
        length = self._op("Shape", "input_ids", start=1, end=2)
        table = self._weight("embeddings.position_embeddings.weight")
        positions = self._op("Slice", table, self._ints(0), length, self._ints(0))
        kind = self._op("Gather", self._weight("embeddings.token_type_embeddings.weight"), self._ints(0))
        summed = self._op("Add", self._op("Add", words, kind), positions)
        return self._normalised(summed, "embeddings.LayerNorm")

    def mask_bias(self) -> str:
        """0 where a token is, a very small number where padding is; shape (batch, 1, 1, length)."""
        mask = self._op("Cast", self._op("Unsqueeze", "attention_mask", self._ints(1, 2)), to=TensorProto.FLOAT)
        return self._op("Mul", self._op("Sub", self._float(1.0), mask), self._float(-10_000.0))

    def layer(self, hidden: str, bias: str, at: str) -> str:
        size = self._dims // _HEADS
        query = self._heads(self._linear(hidden, at + "attention.self.query"), (0, 2, 1, 3))
        key = self._heads(self._linear(hidden, at + "attention.self.key"), (0, 2, 3, 1))
        value = self._heads(self._linear(hidden, at + "attention.self.value"), (0, 2, 1, 3))
        scaled = self._op("Div", self._op("MatMul", query, key), self._float(math.sqrt(size)))
        weights = self._op("Softmax", self._op("Add", scaled, bias), axis=-1)
        mixed = self._op("Transpose", self._op("MatMul", weights, value), perm=(0, 2, 1, 3))
        joined = self._op("Reshape", mixed, self._ints(0, 0, self._dims))
        attended = self._op("Add", self._linear(joined, at + "attention.output.dense"), hidden)
        attended = self._normalised(attended, at + "attention.output.LayerNorm")
        wide = self._gelu(self._linear(attended, at + "intermediate.dense"))
        narrow = self._op("Add", self._linear(wide, at + "output.dense"), attended)
        return self._normalised(narrow, at + "output.LayerNorm")

    def pool(self, hidden: str) -> None:
        mask = self._op("Cast", self._op("Unsqueeze", "attention_mask", self._ints(2)), to=TensorProto.FLOAT)
        total = self._op("ReduceSum", self._op("Mul", hidden, mask), self._ints(1), keepdims=0)
        count = self._op("ReduceSum", mask, self._ints(1), keepdims=0)
        mean = self._op("Div", total, self._op("Max", count, self._float(1.0)))
        norm = self._op("Max", self._op("ReduceL2", mean, axes=[1], keepdims=1), self._float(1e-12))
        self._nodes.append(helper.make_node("Div", [mean, norm], ["embedding"]))

    def model(self) -> onnx.ModelProto:
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
            for name in ("input_ids", "attention_mask")
        ]
        output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", self._dims])
        initializers = [*self._used.values(), *self._constants]
        graph = helper.make_graph(self._nodes, "sentence_encoder", inputs, [output], initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        helper.set_model_props(
            model, {"onnx.quant.pre_process": "onnxruntime.quant"}
        )  # spares the quantiser's warning
        return model

    def _linear(self, hidden: str, name: str) -> str:
        turned = self._op(
            "Transpose", self._weight(name + ".weight"), perm=(1, 0)
        )  # folded when the graph is loaded
        return self._op("Add", self._op("MatMul", hidden, turned), self._weight(name + ".bias"))

    def _heads(self, hidden: str, order: tuple[int, ...]) -> str:
        split = self._op("Reshape", hidden, self._ints(0, 0, _HEADS, self._dims // _HEADS))
        return self._op("Transpose", split, perm=order)

    def _normalised(self, hidden: str, name: str) -> str:
        scale, shift = self._weight(name + ".weight"), self._weight(name + ".bias")
        return self._op("LayerNormalization", hidden, scale, shift, axis=-1, epsilon=_EPSILON)

    def _gelu(self, hidden: str) -> str:
        erf = self._op("Erf", self._op("Div", hidden, self._float(math.sqrt(2))))
        gate = self._op("Add", erf, self._float(1.0))
        return self._op("Mul", self._op("Mul", hidden, gate), self._float(0.5))

    def _op(self, kind: str, *inputs: str, **attributes: float | Sequence[int]) -> str:
        output = f"{kind.lower()}_{len(self._nodes)}"
        node = helper.make_node(kind, inputs, [output])
        node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        self._nodes.append(node)
        return output

    def _weight(self, name: str) -> str:
        """A tensor of the weights file, by reference."""
        place = self._tensors[name]
        tensor = TensorProto(
            name=name, data_type=TensorProto.FLOAT, dims=place.shape, data_location=TensorProto.EXTERNAL
        )
        reference = {"location": self._file_name, "offset": place.offset, "length": place.size_bytes}
        for key, value in reference.items():
            tensor.external_data.add(key=key, value=str(value))
        self._used[name] = tensor
        return name

    def _ints(self, *values: int) -> str:
        return self._constant(
            helper.make_tensor(f"ints_{len(self._constants)}", TensorProto.INT64, [len(values)], values)
        )

    def _float(self, value: float) -> str:
        return self._constant(helper.make_tensor(f"float_{len(self._constants)}", TensorProto.FLOAT, [], [value]))

    def _constant(self, tensor: onnx.TensorProto) -> str:
        self._constants.append(tensor)
        return tensor.name
