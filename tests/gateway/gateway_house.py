"""A served workspace before a faulty vendor, and what a test asks of both."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
from faulty_vendor import PATHS, Vendor

from served import served
from steadyhand.access.keys import KeyLimits
from steadyhand.storage import Row
from steadyhand.workspace import AsyncWorkspace

PROVIDER = 'base_url = "{url}"\nplace = "local"\nclearance = "restricted"\nkey_variable = ""\n'


@dataclass
class House:
    """`url` has no slash at its end."""

    url: str
    workspace: AsyncWorkspace
    vendor: Vendor
    key: str
    http: aiohttp.ClientSession

    async def ask(self, dialect: str, model: str, *, key: str = "", **more: Any) -> "Said":
        """Ask in a dialect and read the whole answer, whatever it is. Names in `more` with `_` are headers."""
        headers = {name.strip("_").replace("_", "-"): more.pop(name) for name in [*more] if name[0] == "_"}
        shown = {"Authorization": f"Bearer {key or self.key}", **headers}
        url, body = self.url + "/v1" + PATHS[dialect], {**question(dialect, model), **more}
        async with self.http.post(url, json=body, headers=shown) as said:
            return Said(said.status, dict(said.headers), await said.read())

    async def new_key(self, limits: KeyLimits | None = None) -> str:
        return await self.workspace.keys.create("one", "caller", limits or KeyLimits())

    async def rows(self, count: int, key: str = "") -> list[Row]:
        """The calls of a key, once so many are written; each with its attempts under `calls`."""
        key_id = (key or self.key)[:10]
        async with asyncio.timeout(10):
            while True:
                runs: list[Row] = await self.workspace.database.rows(
                    "SELECT r.*, p.error FROM run r LEFT JOIN run_payload p ON p.run_id = r.id"
                    " WHERE r.key_id = %s ORDER BY r.started_at, r.id",
                    [key_id],
                )
                if len(runs) >= count:
                    break
                await asyncio.sleep(0.02)
        for run in runs:
            run["calls"] = await self.workspace.database.rows(
                "SELECT * FROM model_call WHERE run_id = %s ORDER BY seq", [run["id"]]
            )
        return runs

    async def set_aside(self) -> Decimal:
        """What is still leased, and so what calls still hold, when what they used is booked and unused leases have
        had time to go back."""
        for _ in range(20):
            await asyncio.sleep(0.02)
            await self.workspace._quotas.sweep()
            row = await self.workspace.database.row("SELECT coalesce(sum(amount), 0) AS sum FROM quota_lease")
            assert row is not None
            if not row["sum"]:
                break
        return Decimal(row["sum"])


@dataclass
class Said:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def question(dialect: str, model: str) -> dict[str, Any]:
    if dialect == "openai_responses":
        return {"model": model, "input": "hello"}
    return {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 999}


def provider(name: str, dialect: str, url: str, more: str = "") -> str:
    return f'[providers.{name}]\ndialect = "{dialect}"\n{PROVIDER.format(url=url)}{more}\n'


@asynccontextmanager
async def housing(root: Path, database_url: str, vendor: Vendor, settings: str) -> AsyncIterator[House]:
    """A workspace with these settings, served to a caller without limits."""
    (root / "steadyhand.toml").write_text(f'database_url = "{database_url}"\n{settings}')
    async with await AsyncWorkspace.open(root) as workspace:
        key = await workspace.keys.create("everything", "caller")
        async with served(workspace) as url, aiohttp.ClientSession() as http:
            yield House(url, workspace, vendor, key, http)
