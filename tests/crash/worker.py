"""A process to be killed: ingests a folder and runs a feature at the same time, and says what is acknowledged.

    python worker.py WORKSPACE

Each line on stdout is something that a user was told: `open`, `document PATH OUTCOME`, `run ID`, `done`.
"""

import asyncio
import sys
from pathlib import Path

from steadyhand.workspace import AsyncWorkspace


async def main(root: Path) -> None:
    async with await AsyncWorkspace.open(root) as workspace:
        print("open", flush=True)
        ingesting = asyncio.create_task(ingest(workspace))
        while not ingesting.done():
            answer = await workspace.run("sorter", {"subject": "Invoice"})
            print("run", answer.run_id, flush=True)
        await ingesting
        print("done", flush=True)


async def ingest(workspace: AsyncWorkspace) -> None:
    async for progress in workspace.sync("notes"):
        print("document", progress.path, progress.outcome, flush=True)


asyncio.run(main(Path(sys.argv[1])))
