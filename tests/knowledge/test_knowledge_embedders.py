"""Every embedder keeps the same promises; MiniLM computes what its weights say."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from bert_in_numpy import BertInNumpy
from tokenizers import Tokenizer

from steadyhand import plugins
from steadyhand.errors import ModelFilesError
from steadyhand.knowledge.embedders import minilm
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


@pytest.fixture(scope="module", params=MEMBERS, ids="-".join)
def member(request: pytest.FixtureRequest, models_folder: Path) -> Embed:
    name, precision = request.param
    return plugins.load("knowledge.embedders", name).open(models_folder, precision, 2)


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


def test_identities_differ_when_vectors_do(models_folder: Path):
    ids = {plugins.load("knowledge.embedders", name).open(models_folder, kind, 1).id for name, kind in MEMBERS}
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
