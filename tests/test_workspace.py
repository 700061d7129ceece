"""An opened workspace leaves nothing behind, however the opening ends."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from steadyhand.storage import embedded, migrate
from steadyhand.workspace import AsyncWorkspace


async def test_an_open_workspace_knows_where_its_database_lies(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "steadyhand.toml").write_text("")
    async with await AsyncWorkspace.open(tmp_path) as workspace:
        home = workspace.database_home
        assert home is not None
        assert (home / "data" / "PG_VERSION").is_file()
    shutil.rmtree(home)
    (tmp_path / "steadyhand.toml").write_text(f'database_url = "{database_url}"')
    async with await AsyncWorkspace.open(tmp_path) as workspace:
        assert workspace.database_home is None


def test_an_opening_that_is_broken_off_leaves_no_server_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "steadyhand.toml").write_text("")
    started: list[embedded.Server] = []
    start = embedded.start

    def watched(state: Path, database_dir: Path | None) -> embedded.Server:
        started.append(start(state, database_dir))
        return started[-1]

    async def break_off() -> None:
        opening = asyncio.create_task(AsyncWorkspace.open(tmp_path))
        await asyncio.sleep(0.01)
        opening.cancel()
        with suppress(asyncio.CancelledError):
            await opening

    monkeypatch.setattr(embedded, "start", watched)
    asyncio.run(break_off())  # a loop of its own: its end waits for the thread that starts the server
    [server] = started
    assert not (server.layout.data / "postmaster.pid").exists()
    shutil.rmtree(server.layout.data.parent)


@pytest.mark.parametrize("applied", [[], ["0001_first", "0002_gateway"], ["0002_gateway"]])
async def test_who_brings_an_older_database_forward_is_told(
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    applied: list[str],
) -> None:
    (tmp_path / "steadyhand.toml").write_text(f'database_url = "{database_url}"')
    monkeypatch.setattr(migrate, "upgrade", lambda url: applied)
    async with await AsyncWorkspace.open(tmp_path):
        assert ("the database was brought forward" in caplog.text) is (applied == ["0002_gateway"])
