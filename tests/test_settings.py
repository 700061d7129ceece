"""Settings come from one file and the environment; what is wrong is named."""

from pathlib import Path

import pytest

from steadyhand import settings
from steadyhand.errors import NotFound, WorkspaceInvalid


def write(folder: Path, text: str) -> Path:
    (folder / settings.FILE).write_text(text)
    return folder


def test_an_empty_file_is_enough(tmp_path: Path) -> None:
    found = settings.read(write(tmp_path, ""))
    assert (found.server.host, found.server.port, found.database_url) == ("127.0.0.1", 8484, "")
    assert found.root == tmp_path.resolve()


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADYHAND_SERVER__PORT", "9000")
    found = settings.read(write(tmp_path, '[server]\nport = 1\nhost = "0.0.0.0"\n'))
    assert (found.server.port, found.server.host) == (9000, "0.0.0.0")


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceInvalid) as caught:
        settings.read(write(tmp_path, 'nam = "x"\n[server]\nport = "many"\n'))
    assert "nam: " in str(caught.value)
    assert "server.port: " in str(caught.value)


def test_broken_toml_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceInvalid, match="line 2"):
        settings.read(write(tmp_path, "\nname = \n"))


def test_a_folder_without_a_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        settings.read(tmp_path)
    assert "steadyhand init" in caught.value.hint


def test_the_workspace_is_found_from_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = write(tmp_path, "") / "features" / "x"
    below.mkdir(parents=True)
    assert settings.find_root(below) == tmp_path.resolve()
    monkeypatch.setenv("STEADYHAND_WORKSPACE", "/elsewhere")
    assert settings.find_root(below) == Path("/elsewhere")
