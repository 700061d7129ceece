"""From the birth of a process to the answer of its first search, in a workspace that is there.

    python bench/cold_start.py WORKSPACE BASE

Nothing is imported but what a program of a user imports; `bench/peers.py` runs it beside others. Linux.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from steadyhand import AsyncWorkspace

_TICKS = os.sysconf("SC_CLK_TCK")


async def main(root: str, base: str) -> None:
    async with await AsyncWorkspace.open(root) as workspace:
        await workspace.search(base, "Is it there?")
        print(json.dumps({"ready_s": round(time.time() - _born_at(), 3)}))


def _born_at() -> float:
    """When this process began, in seconds since the epoch."""
    ticks = int(Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    uptime = float(Path("/proc/uptime").read_text(encoding="utf-8").split()[0])
    return time.time() - uptime + ticks / _TICKS


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
