"""Starts the real program, and ends it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STEADYHAND_")}
    return {**kept, "COLUMNS": "100", **more}


def start(*arguments: str, cwd: Path, **variables: str) -> subprocess.Popen[str]:
    """The program, running, with these environment variables; its stdout and stderr are pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", "steadyhand", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment(**variables),
        preexec_fn=hear_ctrl_c,  # noqa: PLW1509 - the tests start from one thread
    )


def hear_ctrl_c() -> None:
    """A shell has its background jobs ignore Ctrl-C, and what a job starts inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
