"""The server, the schema, and what happens when either is broken off."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from steadyhand.errors import (
    DatabaseUnavailable,
    DiskFull,
    Duplicate,
    NotFound,
    NotWritable,
    SchemaNewer,
    StorageError,
)
from steadyhand.storage import Database, backup, embedded, migrate, owner


@pytest.fixture
def workspace_server(tmp_path: Path):
    state = tmp_path / "workspace" / ".steadyhand"
    running = embedded.start(state, None)
    yield running
    if not running._clients.closed:
        running.release()
    shutil.rmtree(running.layout.data.parent, ignore_errors=True)  # as root it lies outside of tmp_path


def postmaster(server: embedded.Server) -> int:
    return int((server.layout.data / "postmaster.pid").read_text().split()[0])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_rows_of_a_transaction_appear_together_or_not_at_all(database: Database) -> None:
    async def twice() -> None:
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO knowledge_base (name, embedder) VALUES ('a', 'x')")
            await transaction.execute("INSERT INTO knowledge_base (name, embedder) VALUES ('a', 'x')")

    with pytest.raises(Duplicate):
        await twice()
    assert await database.rows("SELECT * FROM knowledge_base") == []


async def test_copied_rows_are_there(database: Database) -> None:
    async with database.transaction() as transaction:
        await transaction.copy("knowledge_base", ("name", "embedder"), [("a", "x"), ("b", "x")])
    assert [row["name"] for row in await database.rows("SELECT name FROM knowledge_base ORDER BY name")] == [
        "a",
        "b",
    ]


def test_the_last_process_to_leave_stops_the_server(workspace_server: embedded.Server) -> None:
    pid = postmaster(workspace_server)
    second = embedded.start(workspace_server.layout.state, None)
    second.release()
    assert is_alive(pid)
    workspace_server.release()
    assert not is_alive(pid)


def test_a_process_that_is_killed_does_not_keep_the_server_from_stopping(workspace_server: embedded.Server) -> None:
    state = workspace_server.layout.state
    code = (
        "import pathlib, time; from steadyhand.storage import embedded; "
        f"s = embedded.start(pathlib.Path({str(state)!r}), None); print('ready', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline().strip() == "ready"
    other.kill()
    other.wait()
    pid = postmaster(workspace_server)
    workspace_server.release()
    assert not is_alive(pid)


async def test_a_killed_server_is_started_again_and_has_lost_nothing(workspace_server: embedded.Server) -> None:
    migrate.upgrade(workspace_server.url)
    database = Database(workspace_server.url, workspace_server.ensure_running, max_connections=2)
    await database.open()
    await database.execute("INSERT INTO knowledge_base (name, embedder) VALUES ('kept', 'x')")
    pid = postmaster(workspace_server)
    os.kill(pid, signal.SIGKILL)
    while is_alive(pid):
        await asyncio.sleep(0.01)
    assert [row["name"] for row in await database.rows("SELECT name FROM knowledge_base")] == ["kept"]
    await database.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
def test_as_root_no_permission_outside_the_database_changes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    watched = [home, *home.parents, Path("/var/lib"), embedded.binary("postgres").parent]
    watched += list(Path(sys.prefix).parents)
    before = {folder: (stat.S_IMODE(folder.stat().st_mode), folder.stat().st_uid) for folder in watched}
    running = embedded.start(home / ".steadyhand", None)
    running.release()
    assert {folder: (stat.S_IMODE(folder.stat().st_mode), folder.stat().st_uid) for folder in watched} == before
    assert stat.S_IMODE(running.layout.data.parent.stat().st_mode) == 0o700
    shutil.rmtree(running.layout.data.parent)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
def test_as_root_programs_in_a_private_folder_are_copied_to_where_the_server_may_run_them(tmp_path: Path) -> None:
    program = tmp_path / "private" / "pg" / "bin" / "hello"
    program.parent.mkdir(parents=True)
    (tmp_path / "private").chmod(0o700)
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    reached = owner.reachable(program, tmp_path / "open")
    assert reached != program
    assert reached.read_text() == program.read_text()
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o700


def test_a_copy_of_a_workspace_does_not_touch_the_database_of_the_original(
    workspace_server: embedded.Server, tmp_path: Path
) -> None:
    workspace = workspace_server.layout.state.parent
    copy = shutil.copytree(workspace, tmp_path / "copy", ignore=shutil.ignore_patterns(".s.*"))
    with pytest.raises(DatabaseUnavailable, match="is a copy of"):
        embedded.start(copy / ".steadyhand", None)


def test_a_workspace_that_was_moved_keeps_its_database(workspace_server: embedded.Server, tmp_path: Path) -> None:
    migrate.upgrade(workspace_server.url)
    workspace_server.release()
    workspace_server.layout.state.parent.rename(tmp_path / "moved")
    for _ in range(2):
        again = embedded.start(tmp_path / "moved" / ".steadyhand", None)
        assert migrate.upgrade(again.url) == []
        again.release()


def test_a_database_that_is_gone_is_missed(workspace_server: embedded.Server) -> None:
    workspace_server.release()
    shutil.rmtree(workspace_server.layout.data.parent)
    with pytest.raises(DatabaseUnavailable, match="not there any more"):
        embedded.start(workspace_server.layout.state, None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_gives_one_clear_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(NotWritable, match="expected a folder that can be written"):
        embedded.start(tmp_path / ".steadyhand", None)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 100 MB, where the server's user can reach it."""
    place = Path(tempfile.mkdtemp(prefix="steadyhand-disk-"))
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", place], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.decode().strip()}")
    place.chmod(0o755)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)
    place.rmdir()


async def test_a_full_disk_gives_one_clear_error_and_loses_nothing(small_disk: Path) -> None:
    state, home = small_disk / "workspace" / ".steadyhand", small_disk / "database"
    ballast = small_disk / "ballast"
    server = embedded.start(state, home)
    migrate.upgrade(server.url)
    database = Database(server.url, server.ensure_running, max_connections=2)
    await database.open()
    await database.execute("CREATE TABLE embedding_9 PARTITION OF embedding FOR VALUES IN (9)")
    ballast.write_bytes(b"\0" * (30 << 20))
    kept = 0
    failure: DiskFull | None = None
    while failure is None:
        try:
            await database.execute(
                "INSERT INTO embedding SELECT 9, sha256((%s || '-' || n)::bytea),"
                " ('[' || repeat('0.5,', 383) || '0.5]')::halfvec FROM generate_series(1, 500) AS n",
                [str(kept)],
            )
            kept += 500
        except DiskFull as error:
            failure = error
    assert "out of space" in str(failure)
    with pytest.raises(DiskFull):
        embedded.start(small_disk / "other" / ".steadyhand", small_disk / "other-database")
    ballast.unlink()
    row = await database.row("SELECT count(*) AS rows FROM embedding")
    assert row is not None
    assert row["rows"] == kept
    await database.close()
    server.release()


def test_a_database_that_is_away_gives_one_clear_error() -> None:
    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        migrate.upgrade("postgresql://nobody@127.0.0.1:1/nothing")


def test_an_upgrade_of_a_current_database_does_nothing(database_url: str) -> None:
    assert migrate.upgrade(database_url) == []


def test_a_database_of_a_newer_version_is_refused_and_not_touched(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('ff', '9999_from_the_future')"
        )
    with pytest.raises(SchemaNewer, match="9999_from_the_future"):
        migrate.upgrade(database_url)


def test_a_lock_left_by_a_killed_upgrade_does_not_stop_the_next_one(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 1)")
    assert migrate.upgrade(database_url) == []


async def test_a_backup_brings_back_what_was_there(database: Database, tmp_path: Path) -> None:
    await database.execute("INSERT INTO knowledge_base (name, embedder) VALUES ('kept', 'x')")
    backup.backup(database.url, tmp_path / "b.dump")
    await database.execute("UPDATE knowledge_base SET name = 'changed'")
    await database.execute("INSERT INTO knowledge_base (name, embedder) VALUES ('later', 'x')")
    backup.restore(database.url, tmp_path / "b.dump")
    assert [row["name"] for row in await database.rows("SELECT name FROM knowledge_base")] == ["kept"]


async def test_a_backup_brings_back_tables_that_consist_of_parts(database: Database, tmp_path: Path) -> None:
    await database.execute("CREATE TABLE embedding_9 PARTITION OF embedding FOR VALUES IN (9)")
    await database.execute("INSERT INTO embedding VALUES (9, 'text', '[1, 0]')")
    backup.backup(database.url, tmp_path / "b.dump")
    await database.execute("DROP TABLE embedding_9")
    await database.execute("CREATE TABLE embedding_10 PARTITION OF embedding FOR VALUES IN (10)")
    backup.restore(database.url, tmp_path / "b.dump")
    assert await database.rows("SELECT set_id, tableoid::regclass::text AS part FROM embedding") == [
        {"set_id": 9, "part": "embedding_9"}
    ]


def test_a_restore_from_a_broken_file_changes_nothing(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "b.dump").write_bytes(b"PGDMP, but not for long")
    with pytest.raises(StorageError, match="pg_restore failed"):
        backup.restore(database_url, tmp_path / "b.dump")
    with pytest.raises(NotFound):
        backup.restore(database_url, tmp_path / "missing.dump")


def test_a_backup_is_for_its_owner_only_and_takes_a_password_that_needs_escaping(
    database_url: str, tmp_path: Path
) -> None:
    backup.backup(database_url.replace("steadyhand@", "steadyhand:a%3Ab%5Cc@"), tmp_path / "b.dump")
    assert stat.S_IMODE((tmp_path / "b.dump").stat().st_mode) == 0o600


def test_both_spellings_of_the_scheme_are_taken_and_no_password_is_shown_for_others(database_url: str) -> None:
    assert migrate.upgrade(database_url.replace("postgresql://", "postgres://")) == []
    with pytest.raises(StorageError, match="expected database_url to begin with postgresql://") as caught:
        migrate.upgrade("mysql://me:hunter2@localhost/db")
    assert "hunter2" not in str(caught.value)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that the server's user can enter."""
    place = Path(tempfile.mkdtemp(prefix="steadyhand-place-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def test_a_folder_may_have_any_name(open_folder: Path) -> None:
    state = open_folder / """o'brien, "$HOME" `id`""" / ".steadyhand"
    running = embedded.start(state, state / "database")
    migrate.upgrade(running.url)
    running.release()
    running.layout.sockets.rmdir()


def test_a_link_in_the_place_of_the_socket_is_refused(open_folder: Path) -> None:
    state, home = open_folder / ".steadyhand", open_folder / ("long" * 30)
    running = embedded.start(state, home)
    running.release()
    sockets = running.layout.sockets
    assert not sockets.is_relative_to(home)
    sockets.rmdir()
    sockets.symlink_to(open_folder)
    owner_before = open_folder.stat().st_uid
    with pytest.raises(NotWritable, match="to be our folder"):
        embedded.start(state, home)
    assert open_folder.stat().st_uid == owner_before
    sockets.unlink()


def test_nobody_else_can_hold_the_locks(open_folder: Path) -> None:
    before = os.umask(0)
    try:
        running = embedded.start(open_folder / ".steadyhand", open_folder / "database")
    finally:
        os.umask(before)
    running.release()
    assert not stat.S_IMODE((open_folder / ".steadyhand").stat().st_mode) & 0o022
    for name in ("lock", "clients"):
        assert stat.S_IMODE((open_folder / ".steadyhand" / name).stat().st_mode) == 0o600
