"""`init` and `check`."""

import json
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cli_program import environment


@pytest.mark.parametrize("options", [[], ["--example"]], ids=["empty", "example"])
def test_a_new_workspace_is_good_and_keeps_its_database_out_of_version_control(
    options: list[str], inside, tmp_path: Path
) -> None:
    made = inside("init", "new", *options)
    assert made.returncode == 0
    assert made.stdout == ""
    assert "next  cd new && steadyhand ingest" in made.stderr
    assert ".steadyhand/" in (tmp_path / "new" / ".gitignore").read_text().splitlines()
    assert {path.name for path in (tmp_path / "new").iterdir()} >= {
        "steadyhand.toml",
        "features",
        "knowledge",
        "data",
    }
    checked = inside("check", "-w", "new")
    assert (checked.returncode, checked.stdout) == (0, "")


def test_a_folder_that_has_something_in_it_is_left_alone(inside, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    ended = inside("init")
    assert ended.returncode == 2
    assert "has something in it" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_next_command_can_be_copied_whatever_the_folder_is_called(inside) -> None:
    assert "next  cd 'Mein Büro & Söhne' && steadyhand ingest notes\n" in inside("init", "Mein Büro & Söhne").stderr


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_that_was_there_keeps_its_mode_and_what_is_new_gets_the_usual_one(inside, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir(mode=0o700)
    usual_folder, usual_file = tmp_path / "usual", tmp_path / "usual.txt"
    usual_folder.mkdir()
    usual_file.touch()
    assert inside("init", "private").returncode == 0
    assert mode(tmp_path / "private") == 0o700
    for path in (tmp_path / "private").rglob("*"):
        assert mode(path) == mode(usual_folder if path.is_dir() else usual_file)


@pytest.mark.parametrize("is_there", [True, False], ids=["in a folder that is there", "in a new folder"])
def test_a_failed_init_says_so_once_and_leaves_nothing_behind(is_there: bool, tmp_path: Path) -> None:
    """No file may be larger than 1,000 bytes, which the first large one finds out half way."""
    if is_there:
        (tmp_path / "new").mkdir(mode=0o500)
    ended = subprocess.run(
        [sys.executable, "-m", "steadyhand", "init", "new", "--example"],
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000)),
    )
    assert ended.returncode == 1
    error, hint = ended.stderr.splitlines()
    assert error.startswith("error: new cannot be written: ")
    assert "[(" not in error
    assert hint == "hint: name another folder"
    assert [*tmp_path.rglob("*")] == ([tmp_path / "new"] if is_there else [])
    assert not is_there or mode(tmp_path / "new") == 0o500


def test_every_problem_is_told_at_once_with_its_place(inside, tmp_path: Path) -> None:
    inside("init", "new")
    contract = tmp_path / "new" / "features" / "notes_answers" / "feature.toml"
    text = contract.read_text().replace('base = "notes"', 'base = "nots"').replace("purpose", "porpose")
    contract.write_text(text)
    checked = inside("check", "-w", "new")
    assert checked.returncode == 1
    lines = checked.stdout.splitlines()
    assert len(lines) >= 2
    for line in lines:
        file, number, message = line.split(":", 2)
        assert file == "features/notes_answers/feature.toml"
        assert 1 <= int(number) <= len(text.splitlines())
        assert message.strip()
    assert any("porpose" in line and "hint: " in line for line in lines)
    as_json = json.loads(inside("check", "-w", "new", "--json").stdout)
    assert [f"{it['file']}:{it['line']}" for it in as_json] == [
        line.rsplit(": ", 1)[0].split(": ")[0] for line in lines
    ]


def test_editors_get_the_schema_of_the_contract_without_a_workspace(inside) -> None:
    schema = json.loads(inside("check", "--schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"name", "purpose", "input", "output", "models"} <= set(schema["properties"])
