"""Leaves this process the files that Python needs, to read, and nothing else of the machine. Linux from 5.13 on.

Whatever a hostile file makes of its reader, it then writes and deletes nothing, starts no program, and reads no
other file and no memory or environment of another process. Sockets that lie in folders are not covered. Source: the
kernel's userspace API guide for Landlock, interface 1 to 6.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # system calls, the same on every architecture
_WHICH_VERSION, _PATH_BENEATH = 1, 1
_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_FILES = {1: 13, 2: 14, 3: 15, 5: 16}  # by interface: so many rights to files there are
_NETWORK_FROM, _SCOPES_FROM = 4, 6
_TCP, _SIGNALS_AND_SOCKETS = 0b11, 0b11

_SYSTEM = (
    "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/etc/fonts", "/nix/store",
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm", "/sys/devices/system/cpu",
    "/dev/urandom",
)  # fmt: skip


def confine() -> bool:
    """For good, and for everything that this process starts; False where the kernel does not know how.

    The process must have given up new privileges before (`PR_SET_NO_NEW_PRIVS`).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, ctypes.c_size_t(0), _WHICH_VERSION)
    if version < 1:
        return False
    handled = (1 << max(count for since, count in _FILES.items() if since <= version)) - 1
    network = _TCP if version >= _NETWORK_FROM else 0
    scopes = _SIGNALS_AND_SOCKETS if version >= _SCOPES_FROM else 0
    wanted = struct.pack("=QQQ", handled, network, scopes)
    rules = libc.syscall(_CREATE, wanted, ctypes.c_size_t(len(wanted)), 0)
    if rules < 0:
        return False
    try:
        for place in _readable():
            _allow(libc, rules, place, _READ_FILE | _READ_DIR)
        _allow(libc, rules, os.devnull, _READ_FILE | _WRITE_FILE)
        return bool(libc.syscall(_RESTRICT, rules, 0) == 0)
    finally:
        os.close(rules)


def _readable() -> Iterator[str]:
    yield from _SYSTEM
    yield from {sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path} - {""}


def _allow(libc: ctypes.CDLL, rules: int, place: str, rights: int) -> None:
    """What is not there is left out."""
    try:
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        held = rights if Path(place).is_dir() else rights & ~_READ_DIR  # files have no entries to list
        libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", held, opened), 0)
    finally:
        os.close(opened)
