"""Every embedder keeps the same promises; MiniLM computes what its weights say."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from bert_in_numpy import BertInNumpy
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from steadyhand import plugins
from steadyhand.errors import ModelFilesError, WorkspaceInvalid
from steadyhand.knowledge.embedders import minilm, onnx
from steadyhand.knowledge.embedding.embedders import DEFAULT, Embedders
from steadyhand.settings import EmbedderSettings, read
from steadyhand.storage import Database
from steadyhand.types.ports import Embed

TEXTS = [
    "The hotel limit is 140 EUR per night.",
    "",
    "Short",
    "A much longer text about receipts, which are attached to the report. " * 30,
    "Ünïcode, 東京, 🙂 and \x00 control",
    "word " * 2_000,
]
MEMBERS = [(name, precision) for name in plugins.names("knowledge.embedders") for precision in ("fp32", "int8")]


@pytest.fixture(scope="module")
def folder(models_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MiniLM as any exported model lies in a folder: graphs, weights beside them, a tokenizer."""
    made, home = tmp_path_factory.mktemp("exported"), models_folder / minilm.FOLDER
    for target, source in [
        ("model.onnx", minilm.GRAPHS["fp32"]),
        ("model_int8.onnx", minilm.GRAPHS["int8"]),
        (minilm.WEIGHTS.name, minilm.WEIGHTS.name),
        (minilm.TOKENIZER.name, minilm.TOKENIZER.name),
    ]:
        shutil.copy(home / source, made / target)
    (made / "sentence_bert_config.json").write_text('{"max_seq_length": 256}')
    return made


def made(name: str, precision: str, models_folder: Path, folder: Path) -> Embed:
    where = {"folder": str(folder)} if name == "onnx" else {}
    wanted = EmbedderSettings(name=name, precision=precision, threads=2, **where)
    return plugins.load("knowledge.embedders", name).from_settings(wanted, models_folder)


@pytest.fixture(scope="module", params=MEMBERS, ids="-".join)
def member(request: pytest.FixtureRequest, models_folder: Path, folder: Path) -> Embed:
    return made(*request.param, models_folder, folder)


def test_vectors_are_unit_and_float32(member: Embed):
    vectors = member(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape[0] == len(TEXTS)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)


def test_the_same_text_gives_the_same_vector(member: Embed):
    assert np.array_equal(member(TEXTS), member(TEXTS))


def test_a_vector_does_not_depend_on_its_company(member: Embed):
    together = member(TEXTS * 12)
    alone = np.concatenate([member([text]) for text in TEXTS])
    assert np.abs(together - np.tile(alone, (12, 1))).max() < 1e-5


def test_nothing_in_is_nothing_out(member: Embed):
    assert member([]).shape[0] == 0


def test_meaning_shows_in_the_distance(member: Embed):
    asked, near, far = member(["How much may a room cost?", TEXTS[0], "The printer is out of paper."])
    assert asked @ near > asked @ far + 0.1


def test_threads_get_what_one_thread_gets(member: Embed):
    alone = member(TEXTS[:3])
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(member, [TEXTS[:3]] * 12):
            assert np.abs(found - alone).max() < 1e-5
    assert threading.active_count() < 50


def test_identities_differ_when_vectors_do(models_folder: Path, folder: Path):
    ids = {made(name, kind, models_folder, folder).id for name, kind in MEMBERS}
    assert len(ids) == len(MEMBERS)


def test_minilm_computes_what_its_weights_say(embed: minilm.MiniLM, models_folder: Path):
    home = models_folder / minilm.FOLDER
    oracle = BertInNumpy(home / minilm.WEIGHTS.name)
    tokenizer = Tokenizer.from_file(str(home / minilm.TOKENIZER.name))
    tokenizer.no_padding()
    texts = ["Expense reports are due within thirty days.", "Reisekosten", "One. " * 25]
    expected = np.array([oracle(tokenizer.encode(text).ids) for text in texts])
    assert np.abs(embed(texts) - expected).max() < 1e-5


def test_tokens_are_counted_beyond_the_limit(embed: minilm.MiniLM):
    assert embed.count_tokens(["", "hello world", "word " * 1_000]) == [2, 4, 1_002]


def test_text_beyond_the_limit_is_not_read(embed: minilm.MiniLM):
    base = "word " * 300
    assert np.array_equal(embed([base + "apples"]), embed([base + "bears"]))


def test_a_missing_model_says_how_to_get_it(tmp_path: Path):
    with pytest.raises(ModelFilesError) as caught:
        minilm.open(tmp_path)
    assert caught.value.hint == "steadyhand models pull"


def test_a_folder_computes_what_the_same_model_does(embed: minilm.MiniLM, models_folder: Path, folder: Path):
    exported = made("onnx", "fp32", models_folder, folder)
    assert np.abs(exported(TEXTS) - embed(TEXTS)).max() < 1e-5
    assert exported.count_tokens(TEXTS) == embed.count_tokens(TEXTS)


class Words:
    """A folder with the smallest model there is: a vector for each of four words, and no layer above."""

    def __init__(self, home: Path) -> None:
        self.home = home
        words = {"[UNK]": 0, "one": 1, "two": 2, "query:": 3, "passage:": 4}
        tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer.save(str(home / "tokenizer.json"))
        self.write(np.eye(5, dtype=np.float32))

    def write(self, table: np.ndarray, names: tuple[str, ...] = ("input_ids", "attention_mask")) -> None:
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "length"]) for name in names]
        output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["n", "length", 5])
        node = helper.make_node("Gather", ["table", names[0]], ["last_hidden_state"])
        graph = helper.make_graph([node], "words", inputs, [output], [numpy_helper.from_array(table, "table")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        (self.home / "model.onnx").write_bytes(model.SerializeToString())

    def open(self, **settings: object) -> onnx.OnnxEmbedder:
        wanted = EmbedderSettings(name="onnx", folder=str(self.home), threads=1, **settings)
        return onnx.from_settings(wanted, Path())


@pytest.fixture
def words(tmp_path: Path) -> Words:
    return Words(tmp_path)


@pytest.mark.parametrize(("pooling", "expected"), [("mean", [2, 1]), ("cls", [1, 0]), ("last", [0, 1])])
def test_tokens_become_one_vector_as_the_settings_say(words: Words, pooling: str, expected: list[int]):
    [vector] = words.open(pooling=pooling)(["one one two"])
    assert vector[1:3] == pytest.approx(np.array(expected) / np.linalg.norm(expected))


def test_the_folder_says_how_when_the_settings_do_not(words: Words):
    (words.home / "1_Pooling").mkdir()
    (words.home / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    (words.home / "config_sentence_transformers.json").write_text('{"prompts": {"query": "query: "}}')
    opened = words.open()
    assert opened(["one two"])[0].argmax() == 1
    assert opened.questions(["one two"])[0].argmax() == 3


def test_questions_and_passages_get_prefixes_of_their_own(words: Words):
    opened = words.open(query_prefix="query: ", passage_prefix="passage: ")
    assert opened.questions(["one"])[0][[3, 4]] == pytest.approx([0.7071, 0], abs=1e-3)
    assert opened(["one"])[0][[3, 4]] == pytest.approx([0, 0.7071], abs=1e-3)


def test_what_is_behind_the_limit_is_not_read(words: Words):
    opened = words.open(max_tokens=8)
    assert np.array_equal(opened(["one " * 8]), opened(["one " * 8 + "two " * 100]))


def test_anything_that_changes_a_vector_changes_the_identity(words: Words):
    ids = {words.open().id, words.open(pooling="cls").id, words.open(query_prefix="query: ").id}
    words.write(np.eye(5, dtype=np.float32) * 2)
    ids.add(words.open().id)
    (words.home / "model.onnx_data").write_bytes(b"weights")
    ids.add(words.open().id)
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("model.onnx", b"no graph", "expected an ONNX model"),
        ("tokenizer.json", b"{}", "expected an ONNX model"),
        ("config.json", b"[]", "expected a JSON object"),
        ("config.json", b"{", "expected JSON"),
    ],
)
def test_files_that_are_no_model_are_named(words: Words, file: str, content: bytes, said: str):
    (words.home / file).write_bytes(content)
    with pytest.raises(ModelFilesError, match=said):
        words.open()


def test_a_graph_that_wants_more_than_text_is_refused(words: Words):
    words.write(np.eye(5, dtype=np.float32), ("input_ids", "pixel_values"))
    with pytest.raises(ModelFilesError, match=r"found pixel_values"):
        words.open()


def test_a_model_that_computes_nothing_is_refused(words: Words):
    words.write(np.full((5, 5), np.nan, dtype=np.float32))
    with pytest.raises(ModelFilesError, match="expected a vector for each text"):
        words.open()


def test_a_folder_without_a_model_says_what_is_missing(tmp_path: Path):
    with pytest.raises(ModelFilesError, match=r"found no model\.onnx or onnx/model\.onnx"):
        onnx.from_settings(EmbedderSettings(name="onnx", folder=str(tmp_path)), Path())


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[embedder]\nname = "onnx"\n', "expected a folder for the embedder 'onnx'"),
        ('[embedder]\nmodel = "openai:x"\n', 'expected name = "provider"'),
        ('[knowledge.notes]\nembedder = "smal"\n[embedders.small]\n', 'did you mean "small"'),
    ],
)
def test_settings_of_embedders_are_checked_at_the_start(tmp_path: Path, table: str, said: str):
    (tmp_path / "steadyhand.toml").write_text(table)
    with pytest.raises(WorkspaceInvalid) as caught:
        read(tmp_path)
    assert said in f"{caught.value} {caught.value.hint}"


class Loaded:
    """An embedder that makes no vectors; the settings decide its id."""

    def __init__(self, settings: EmbedderSettings) -> None:
        self._id = settings.model or settings.name

    async def id(self) -> str:
        return self._id

    def close(self) -> None: ...


async def test_providers_that_embed_for_many_bases_push_no_loaded_model_out(database: Database, tmp_path: Path):
    (tmp_path / "steadyhand.toml").write_text('[embedders.far]\nname = "provider"\nmodel = "openai:x"\n')
    loaded: list[str] = []

    def open_one(settings: EmbedderSettings, base: str) -> Loaded:
        loaded.append(settings.name)
        return Loaded(settings)

    embedders = Embedders(read(tmp_path), database, open_one)
    near = await embedders.named(DEFAULT, "notes")
    for number in range(10):
        assert await (await embedders.named("far", f"base {number}")).id() == "openai:x"
    assert await embedders.named(DEFAULT, "notes") is near
    assert loaded.count("minilm") == 1
