"""The contract every command keeps, and what the program does about errors, pipes and words in the wrong place."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from steadyhand import __version__, plugins

GROUPS = ("cost", "db", "keys", "knowledge", "models", "route", "traces")


def commands() -> Iterator[tuple[str, ...]]:
    """Every command, with the commands below it."""
    for name in plugins.names("cli"):
        yield (name,)
        command = get_command(plugins.load("cli", name).app)
        if isinstance(command, TyperGroup):
            yield from ((name, below) for below in command.commands)


@pytest.mark.parametrize(
    "command",
    [it for it in commands() if len(it) > 1 or it[0] not in GROUPS],
    ids=" ".join,
)
def test_every_command_explains_itself_with_an_example(command: tuple[str, ...], inside) -> None:
    shown = inside(*command, "--help")
    assert shown.returncode == 0
    assert shown.stderr == ""
    assert re.search(rf"Examples?:\n +steadyhand {' '.join(command)}", shown.stdout)
    assert "--workspace" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 100


@pytest.mark.parametrize("group", GROUPS)
def test_a_command_with_commands_of_its_own_lists_them(group: str, inside) -> None:
    shown = inside(group, "--help")
    assert shown.returncode == 0
    assert all(below in shown.stdout for name, below in (it for it in commands() if len(it) == 2) if name == group)


def test_the_help_lists_every_command_and_imports_none_of_them(steadyhand) -> None:
    shown = steadyhand("--help")
    assert shown.returncode == 0
    assert "Run AI features in production" in shown.stdout
    assert "..." not in shown.stdout.partition("Commands:")[2]
    for name in plugins.names("cli"):
        assert re.search(rf"^  {name} +\S", shown.stdout, re.MULTILINE)
    listing = "import sys; from steadyhand import cli; cli.main(['--help'], serve=None); print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "onnxruntime", "psycopg", "aiohttp", "fastapi", "steadyhand.workspace"} & set(modules)


def test_the_program_says_its_version(steadyhand) -> None:
    assert steadyhand("--version").stdout == f"steadyhand {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["ask"],
        ["check", "--no-such-option"],
        ["run", "x"],
        ["run", "x", "--input", "{}", "--batch", "a.jsonl", "--out", "b.jsonl"],
        ["run", "x", "--batch", "a.jsonl"],
        ["run", "x", "--input", "not json"],
        ["run", "x", "--input", "[1]"],
        ["run", "x", "--input", "@no-such-file"],
        ["ingest", "policies", "no-such-path"],
        ["traces", "tail", "--status", "fine"],
        ["check"],
        ["check", "-w", "no-such-folder"],
    ],
    ids=" ".join,
)
def test_misuse_exits_with_2_and_speaks_on_stderr_only(arguments: list[str], inside) -> None:
    ended = inside(*arguments)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "rror: " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_wrong_value_of_an_option_is_told_in_our_words(inside) -> None:
    said = inside("traces", "tail", "--status", "fine").stderr
    assert "'--status': expected one of 'answered', 'review', 'fallback', 'refused', 'failed'; found 'fine'" in said
    assert "Value error" not in said


def test_a_mistyped_command_gets_the_nearest_one(inside) -> None:
    assert "Did you mean 'search'?" in inside("serach").stderr


def test_an_error_says_what_was_expected_and_what_to_do(steadyhand, tmp_path: Path) -> None:
    ended = steadyhand("check")
    assert ended.stderr == (
        f"error: expected a workspace with steadyhand.toml in {tmp_path}; found none\n"
        "hint: steadyhand init DIR makes one\n"
    )


def test_broken_settings_are_a_problem_found(steadyhand, tmp_path: Path) -> None:
    (tmp_path / "steadyhand.toml").write_text("nmae = 'x'\n")
    ended = steadyhand("check")
    assert ended.returncode == 1
    assert "nmae" in ended.stderr


def test_a_contract_that_never_was_good_is_one_error(empty: Path, steadyhand) -> None:
    contract = empty / "features" / "notes_answers" / "feature.toml"
    contract.write_text(contract.read_text().replace("purpose", "porpose"))
    database = os.environ["STEADYHAND_DATABASE_URL"]
    ended = steadyhand("ask", "notes_answers", "x", "-w", str(empty), STEADYHAND_DATABASE_URL=database)
    assert "keeps running" not in ended.stderr
    assert ended.stderr.count("porpose: unknown key") == 1
    assert ended.stderr.startswith("error: the contract of 'notes_answers' never was good:\n")


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["check", "-w", "no-such-folder"], "not_found", 2),
        (["run", "x", "--input", "not json"], "input.invalid", 2),
        (["traces", "tail", "--status", "fine"], "usage", 2),
        (["check", "-w", "broken"], "workspace.invalid", 1),
    ],
    ids=lambda it: it if isinstance(it, str) else None,
)
def test_a_program_gets_an_error_as_an_object(
    arguments: list[str], code: str, exit_code: int, inside, tmp_path: Path
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "steadyhand.toml").write_text("nmae = 'x'\n")
    ended = inside(*arguments, "--json")
    assert ended.returncode == exit_code
    error = json.loads(ended.stdout)["error"]
    assert (error["code"], set(error)) == (code, {"code", "message", "hint"})
    assert "rror: " in ended.stderr


def test_what_changes_something_says_it_in_json(empty: Path, inside, models_folder: Path, tmp_path: Path) -> None:
    def said(*arguments: str) -> dict[str, object]:
        return dict(json.loads(inside(*arguments, "--json", "-w", str(empty)).stdout))

    assert said("init", "new") == {"workspace": str(tmp_path / "new"), "example": False}
    assert said("keys", "revoke", str(said("keys", "create", "x")["key"])[:10]).keys() == {"revoked"}
    assert said("db", "backup", "copy")["size_bytes"] == (tmp_path / "copy").stat().st_size
    assert said("db", "restore", "copy", "--yes") == {"restored": "copy"}
    assert "folder" in said("models", "pull")


def test_a_traceback_is_shown_only_when_asked_for(steadyhand) -> None:
    assert "Traceback" not in steadyhand("check").stderr
    assert "Traceback" in steadyhand("check", "--debug").stderr
    assert "Traceback" in steadyhand("check", STEADYHAND_DEBUG="1").stderr


def test_a_surprise_is_one_line_that_asks_for_a_report(tmp_path: Path) -> None:
    program = (
        "import sys; from steadyhand.cli._failures import exit_code_of; from steadyhand.cli._shell import Shell"
    )
    program += "; sys.exit(exit_code_of(lambda: 1 // 0, Shell(serve=None)))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "unexpected ZeroDivisionError" in ended.stderr
    assert "--debug" in ended.stderr


def test_general_options_may_stand_before_or_behind_the_command(inside) -> None:
    inside("init", "here")
    for arguments in (["-w", "here", "check"], ["check", "-w", "here"]):
        ended = inside(*arguments)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "1 feature good\n")
    assert inside("check", "-w", "here", "--quiet").stderr == ""


def test_a_workspace_is_found_from_a_folder_inside_it(steadyhand, tmp_path: Path) -> None:
    steadyhand("init", "here")
    assert steadyhand("check", cwd=tmp_path / "here" / "features").returncode == 0
    assert steadyhand("check", STEADYHAND_WORKSPACE=str(tmp_path / "here")).returncode == 0


def test_a_closed_pipe_is_no_drama(tmp_path: Path) -> None:
    command = f"{sys.executable} -m steadyhand models list | head -n 1"
    ended = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ended.stdout.startswith("model ")
    assert "Error" not in ended.stderr
    assert "Exception" not in ended.stderr
