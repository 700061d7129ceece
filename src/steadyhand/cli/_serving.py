"""Opens the HTTP door for the commands that serve."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from steadyhand.cli._running import stop_signals
from steadyhand.cli._shell import Shell
from steadyhand.workspace import STATE, AsyncWorkspace

_PROBE_S = 0.2
_ADDRESS = "address"  # the file that says where the workspace's server answers


async def serve_until_stopped(
    shell: Shell, workspace: AsyncWorkspace, host: str, port: int, on_ready: Callable[[str], None]
) -> None:
    """Serve until a signal to stop, which the server takes as its usual end: requests under way finish."""
    with suppress(NotImplementedError):  # Windows has no such handlers
        for number in stop_signals():
            asyncio.get_running_loop().remove_signal_handler(number)
    note = workspace.settings.root / STATE / _ADDRESS

    def ready(address: str) -> None:
        with suppress(OSError):  # costs links only
            note.parent.mkdir(exist_ok=True)
            note.write_text(address, encoding="utf-8")
        on_ready(address)

    try:
        await shell.serve(workspace, host, port, ready)
    finally:
        with suppress(OSError):
            note.unlink()


def welcome(shell: Shell, address: str, first_key: str | None) -> None:
    """Say where the console is, and the admin key when it was just made: it is never shown again."""
    shell.terminal.complain(f"\nConsole   {address}")
    if first_key:
        shell.terminal.complain(f"Admin key {first_key}   (shown once; `steadyhand keys create` makes more)")


def free_port(host: str, wanted: int) -> int:
    """`wanted` when it can be listened on, else another that can."""
    return wanted if _can_listen(host, wanted) else _any_port(host)


def address_in_use(root: Path) -> str:
    """Where the server of the workspace in `root` answers, as it said itself; "" when nobody opens."""
    try:
        address = (root / STATE / _ADDRESS).read_text(encoding="utf-8")
        named = urlsplit(address)
        with socket.create_connection((named.hostname or "", named.port or 80), timeout=_PROBE_S):
            return address
    except (OSError, ValueError):
        return ""


def address_of(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _can_listen(host: str, port: int) -> bool:
    with socket.socket(_family(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _any_port(host: str) -> int:
    with socket.socket(_family(host)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
