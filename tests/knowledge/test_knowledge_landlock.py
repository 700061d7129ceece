"""What is left to a reading process that a hostile file has taken over."""

import ctypes
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

_TAKEN = """
import ctypes, os, signal, socket, sys
from steadyhand.knowledge.reading import child
place, parent = sys.argv[1], os.getppid()
child._confine(2**30, parent)

def tries(name, act):
    try:
        act()
    except OSError:
        return
    print(name)

tries("reads", lambda: open(place).read())
tries("writes", lambda: open(place, "a"))
tries("empties", lambda: os.truncate(place, 0))
tries("deletes", lambda: os.unlink(place))
tries("makes", lambda: os.mkdir(place + ".d"))
tries("lists", lambda: os.listdir(os.path.dirname(place)))
tries("reads the environment", lambda: open(f"/proc/{parent}/environ", "rb").read())
tries("reads the memory", lambda: open(f"/proc/{parent}/mem", "rb"))
tries("connects", lambda: socket.create_connection(("127.0.0.1", int(sys.argv[2])), 1))
tries("starts", lambda: os.execv("/bin/true", ["true"]))
if sys.argv[3] >= "6":
    tries("signals", lambda: os.kill(parent, 0))
import xml.dom.minidom
open("/proc/self/statm").read(), os.urandom(8), os.open(os.devnull, os.O_RDWR)
print("works")
"""


def version() -> int:
    """Of the interface; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1))


@pytest.mark.skipif(version() < 4, reason="this kernel does not confine files and network")
def test_it_reads_nothing_of_ours_and_changes_nothing_but_still_works(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = subprocess.run(
            [sys.executable, "-c", _TAKEN, str(secret), str(server.getsockname()[1]), str(version())],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
        )
    assert said.stdout.split("\n") == ["works", ""]
    assert secret.read_text() == "secret"
