"""`kill -9` of a serving process under load: every answer that a client has is in the ledger, and on the bill, once."""

import asyncio
import os
import random
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest
from faulty_vendor import INPUT, OUTPUT, PATHS, Vendor
from gateway_house import provider, question

from steadyhand.access.keys import KeyLimits
from steadyhand.workspace import AsyncWorkspace

KILLS = 4
CLIENTS = 16
ENDS = {"openai": b"[DONE]", "openai_responses": b"response.completed", "anthropic": b"message_stop"}


@pytest.mark.slow
async def test_nothing_a_client_has_is_missing_or_doubled(
    house_database: str, vendor: Vendor, tmp_path: Path
) -> None:
    settings = provider("test", "openai", vendor.base_url)
    (tmp_path / "steadyhand.toml").write_text(f'database_url = "{house_database}"\n{settings}')
    async with await AsyncWorkspace.open(tmp_path) as workspace:
        key = await workspace.keys.create("busy", "caller", KeyLimits(None, 1_000_000, 1_000_000_000))
    chance, given = random.Random(2026), set[str]()
    for _ in range(KILLS):
        async with serving(tmp_path) as (process, url):
            clients = [asyncio.create_task(ask_on(url, key, number, given)) for number in range(CLIENTS)]
            await asyncio.sleep(0.3 + chance.random())
            process.kill()
            await asyncio.gather(*clients)
    assert len(given) > 50 * KILLS
    async with await AsyncWorkspace.open(tmp_path) as workspace:
        rows = await workspace.database.rows(
            "SELECT id, status, input_tokens, output_tokens FROM run JOIN model_call ON run_id = id"
        )
        answered = {row["id"] for row in rows if row["status"] == "answered"}
        assert given <= answered
        assert len(rows) == len({row["id"] for row in rows})
        assert {(row["input_tokens"], row["output_tokens"]) for row in rows if row["id"] in given} == {
            (INPUT, OUTPUT)
        }
        used = await workspace.database.rows("SELECT unit, sum(used) AS used FROM quota GROUP BY unit")
        billed = sum(row["input_tokens"] + row["output_tokens"] for row in rows)
        assert {row["unit"]: row["used"] for row in used} == {
            "requests": Decimal(len(rows)),
            "tokens": Decimal(billed),
        }
    assert [*(tmp_path / ".steadyhand" / "journal").glob("*")] == []


@asynccontextmanager
async def serving(root: Path) -> AsyncIterator[tuple[Process, str]]:
    """A process of its own that serves the workspace, and its address."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STEADYHAND_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "steadyhand", "up", "--port", "0", "-w", str(root)),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
        env=environment,
    )
    assert process.stderr is not None
    said = b""
    async with asyncio.timeout(60):
        while not (found := re.search(rb"(http://127\.0\.0\.1:\d+)[/\s]", said)):
            more = await process.stderr.read(1_000)
            assert more, said.decode()
            said += more
    yield process, found[1].decode()
    await process.wait()


async def ask_on(url: str, key: str, number: int, given: set[str]) -> None:
    """Ask until nobody answers any more, and note the run of every answer that came whole."""
    dialect = [*PATHS][number % len(PATHS)]
    body = {**question(dialect, "test:answers.1"), "stream": number % 2 == 0}
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http:
        while True:
            try:
                async with http.post(f"{url}/v1{PATHS[dialect]}", json=body) as said:
                    content = await said.read()
            except aiohttp.ClientError:
                return
            assert said.status == 200, content
            if not body["stream"] or ENDS[dialect] in content:
                given.add(said.headers["x-run-id"])
