"""Every reranker keeps the same promises; a cross-encoder computes what its graph says, a model what it is told."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from steadyhand import plugins
from steadyhand.errors import ModelFilesError, NotFound, UsageError
from steadyhand.knowledge.rerankers import model
from steadyhand.knowledge.search.rerank import Rerank, Rerankers, reranked
from steadyhand.types.json import JsonObject, JsonSchema
from steadyhand.types.message import Message
from steadyhand.types.passage import Passage
from steadyhand.types.ports import Ask

QUESTION = "What may a hotel room cost in 2024?"
TEXTS = (
    "Trains come before planes.",
    "In 2024 a hotel room may cost 120 EUR.",
    "",
    "The room was booked. The hotel was full. What it may cost is not known.",
    "word " * 2_000,
    "Ünïcode, 東京, 🙂 </passage> and \x00 control",
)
PASSAGES = tuple(
    Passage(
        chunk_id=number, version_id=1, knowledge_base="base", source="a.md", title="", section="", page=1, start=0,
        end=len(text), text=text, data_class="internal", score=0.5, bm25=1.0, similarity=0.5,
    )
    for number, text in enumerate(TEXTS)
)  # fmt: skip


def cross_encoder(folder: Path) -> Path:
    """A graph whose logit is the number of tokens in the second text, less 5: words are tokens here."""
    folder.mkdir()
    shape = ["pairs", "length"]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, shape)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    nodes = [
        helper.make_node("Mul", ["attention_mask", "token_type_ids"], ["second"]),
        helper.make_node("Cast", ["second"], ["counted"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["counted", "axis"], ["total"], keepdims=1),
        helper.make_node("Sub", ["total", "five"], ["logits"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"),
        numpy_helper.from_array(np.array(5, dtype=np.float32), "five"),
    ]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["pairs", 1])
    graph = helper.make_graph(nodes, "counts", inputs, [output], constants)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), folder / "model.onnx")
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "[SEP]": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A", pair="$A:0 [SEP]:0 $B:1", special_tokens=[("[SEP]", 1)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


class Told:
    """A model that answers what it is told to, and keeps what it was asked."""

    def __init__(self, answer: JsonObject | None) -> None:
        self.answer = answer
        self.asked: list[tuple[Message, ...]] = []
        self.told: frozenset[int] = frozenset()

    async def __call__(
        self, messages: tuple[Message, ...], schema: JsonSchema, name: str, told: frozenset[int] = frozenset()
    ) -> JsonObject | None:
        self.told = told
        self.asked.append(messages)
        return self.answer


def ratings(*relevances: object) -> JsonObject:
    return {"ratings": [{"passage": at, "relevance": it} for at, it in enumerate(relevances, start=1)]}  # type: ignore[dict-item]


RATES = Told(ratings(0, 10, 0, 5, 1, 1))


@pytest.fixture(scope="module")
def rerankers(tmp_path_factory: pytest.TempPathFactory) -> Rerankers:
    folder = tmp_path_factory.mktemp("models")
    cross_encoder(folder / "counter")
    return Rerankers(folder, 1)


@pytest.fixture(params=plugins.names("knowledge.rerankers"))
async def member(request: pytest.FixtureRequest, rerankers: Rerankers) -> Rerank:
    return await rerankers.of("onnx:counter" if request.param == "onnx" else request.param)


async def test_every_passage_gets_a_score_between_0_and_1(member: Rerank) -> None:
    scores = await member(QUESTION, PASSAGES, RATES)
    assert scores is not None
    assert len(scores) == len(PASSAGES)
    assert all(0 <= score <= 1 for score in scores)


async def test_the_same_passages_get_the_same_scores(member: Rerank) -> None:
    assert await member(QUESTION, PASSAGES, RATES) == await member(QUESTION, PASSAGES, RATES)


async def test_a_long_question_and_few_passages_are_no_trouble(member: Rerank) -> None:
    assert member.candidates >= 10
    asked: Ask = Told(ratings(3))
    scores = await member("why " * 3_000, PASSAGES[:1], asked)
    assert scores is not None
    assert len(scores) == 1


async def test_words_side_by_side_come_before_words_apart(rerankers: Rerankers) -> None:
    found = await reranked(await rerankers.of("lexical"), QUESTION, PASSAGES, None)
    assert found[0] == replace(PASSAGES[1], score=found[0].score)
    assert [passage.score for passage in found] == sorted((passage.score for passage in found), reverse=True)


async def test_a_cross_encoders_logits_become_probabilities(rerankers: Rerankers) -> None:
    scores = await (await rerankers.of("onnx:counter"))(QUESTION, PASSAGES[:3], None)
    assert scores is not None
    expected = [1 / (1 + np.exp(5 - count)) for count in (5, 10, 0)]
    assert scores == pytest.approx(expected, abs=1e-6)


async def test_a_batch_does_not_change_a_passages_score(rerankers: Rerankers) -> None:
    encoder = await rerankers.of("onnx:counter")
    together = await encoder(QUESTION, PASSAGES, None)
    alone = [await encoder(QUESTION, [passage], None) for passage in PASSAGES]
    assert together == pytest.approx([score for scores in alone for score in scores or ()], abs=1e-6)


@pytest.mark.parametrize(
    ("name", "error"), [("onnx", UsageError), ("onnx:nowhere", ModelFilesError), ("unknown", NotFound)]
)
async def test_a_reranker_that_cannot_be_opened_says_so_each_time(
    rerankers: Rerankers, name: str, error: type[Exception]
) -> None:
    for _ in range(2):
        with pytest.raises(error):
            await rerankers.of(name)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
async def test_a_broken_file_of_a_cross_encoder_is_told(tmp_path: Path, name: str) -> None:
    (cross_encoder(tmp_path / "broken") / name).write_bytes(b"no such thing")
    with pytest.raises(ModelFilesError, match="cannot be loaded"):
        await Rerankers(tmp_path, 1).of("onnx:broken")


async def test_a_model_rates_by_number_and_sees_passages_as_material() -> None:
    told = Told(ratings(0, 10, 0, 5, 1, 1))
    found = await reranked(model.ByModel(), QUESTION, PASSAGES, told)
    assert [passage.chunk_id for passage in found] == [1, 3, 4, 5, 0, 2]
    assert told.told == {passage.version_id for passage in PASSAGES}
    [(system, user)] = told.asked
    assert all(segment.trust == "trusted" for segment in system.segments)
    quoted = [segment for segment in user.segments if segment.trust == "untrusted"]
    assert {segment.data_class for segment in quoted} == {"internal"}
    assert not any("</passage>" in segment.text for segment in quoted)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        ratings(1, 2),
        ratings(1, 2, 3, 4, 5, 11),
        ratings(1, 2, 3, 4, 5, -1),
        ratings(1, 2, 3, 4, 5, True),
        ratings(1, 2, 3, 4, 5, "6"),
        {"ratings": [{"passage": 1, "relevance": 1}] * 6},
        {"ratings": "all good"},
    ],
)
async def test_an_answer_that_does_not_rate_every_passage_leaves_the_order(answer: JsonObject | None) -> None:
    found = await reranked(model.ByModel(), QUESTION, PASSAGES, Told(answer))
    assert tuple(found) == PASSAGES


async def test_a_search_outside_a_run_has_no_model_to_ask() -> None:
    with pytest.raises(UsageError, match="expected the run of a feature"):
        await reranked(model.ByModel(), QUESTION, PASSAGES, None)
