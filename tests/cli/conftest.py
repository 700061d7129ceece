"""The real program in a process of its own, and the example company with its documents, filled once."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_program import environment

from steadyhand import app, cli
from steadyhand.storage import embedded

Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def steadyhand(tmp_path: Path) -> Program:
    """Run the program to its end, in an empty folder unless `cwd` says otherwise."""

    def run(
        *arguments: str, cwd: Path = tmp_path, text: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "steadyhand", *arguments]
        given = {"input": text, "env": environment(**variables), "cwd": cwd}
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, **given)

    return run


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """The same in this process, which is faster; nothing is given on stdin."""
    monkeypatch.delenv("STEADYHAND_WORKSPACE", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = cli.main(arguments, serve=app.serve)
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, said.out, said.err)

    return run


def running_database(workspace: Path) -> Iterator[None]:
    """Keep the workspace's server running until the tests are over, then remove it."""
    server = embedded.start(workspace / ".steadyhand", None)
    yield
    server.release()
    shutil.rmtree(server.layout.data.parent, ignore_errors=True)


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory, models_folder: Path) -> Iterator[Path]:
    """The example company, its policies ingested; its database runs."""
    folder = tmp_path_factory.mktemp("cli") / "company"
    for arguments in (["init", str(folder), "--example"], ["ingest", "policies", "-w", str(folder)]):
        command = [sys.executable, "-m", "steadyhand", *arguments]
        subprocess.run(command, check=True, env=environment(), capture_output=True)
    yield from (folder for _ in running_database(folder))


@pytest.fixture
def empty(
    inside: Program, tmp_path: Path, models_folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A workspace that `init` made, with nothing ingested, on a fresh database of the test server."""
    monkeypatch.setenv("STEADYHAND_DATABASE_URL", database_url)
    inside("init", "workspace")
    return tmp_path / "workspace"
