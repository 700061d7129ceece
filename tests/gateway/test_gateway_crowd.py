"""Many clients at once, vendors that fail at random, clients that leave: every answer is its request's, and billed."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from faulty_vendor import INPUT, PATHS, Vendor, break_off, completion, events, of_client
from gateway_house import House, Said, housing, provider
from test_gateway_faults import streamed, text_of

from steadyhand.access.keys import KeyLimits
from steadyhand.storage import Row

CLIENTS, DURATION_S = 64, 20.0
SETTINGS = "".join(
    f'[gateway.models.{name}]\ntry = ["{name}:shaky", "{name}:better", "{other}:good"]\nattempt_s = 1\n'
    for name, other in (("openai-one", "claude"), ("claude", "responds"), ("responds", "openai-one"))
)
PROVIDERS = {"openai-one": "openai", "claude": "anthropic", "responds": "openai_responses"}
SHAKY = {"shaky": 0.5, "better": 0.15, "good": 0.0}


@dataclass
class Crowd(Vendor):
    """Says what it was told and some words more, unless chance has it fail."""

    chance: random.Random = field(default_factory=lambda: random.Random(7))

    async def take(self, request: web.Request, dialect: str) -> web.StreamResponse:
        body = json.loads(await request.read())
        told = told_in(body)
        fault = ""
        if self.chance.random() < SHAKY[body["model"]]:
            fault = self.chance.choice(["error", "slow-down", "bad", "cut", "hang"])
        await asyncio.sleep(self.chance.random() * 0.02)
        if fault == "hang":
            await asyncio.sleep(30)
        if fault in ("error", "slow-down"):
            wait = {"retry-after": "0"} if fault == "slow-down" else {}
            return web.json_response(
                {"error": {"message": "no"}}, status=500 if fault == "error" else 429, headers=wait
            )
        words = [told, *(f" {told}.{at}" for at in range(20))]
        if body.get("stream"):
            return await self._pieces(request, dialect, words, fault)
        content = of_client(dialect).answer(completion(words), model="m", run_id="v", created=1)
        if fault == "bad":
            content = content[:-40]
        response = web.StreamResponse(headers={"content-type": "application/json"})
        response.content_length = len(content)
        await response.prepare(request)
        if fault == "cut":
            await response.write(content[:100])
            break_off(request)
            return response
        await response.write(content)
        return response

    async def _pieces(self, request: web.Request, dialect: str, words: list[str], fault: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        begun, *pieces, end = events(dialect, "m", words)
        await response.write(begun)
        until = self.chance.randrange(len(pieces)) if fault else len(pieces)
        for piece in pieces[:until]:
            await response.write(piece)
            if self.chance.random() < 0.2:
                await asyncio.sleep(0.002)
        if fault:
            break_off(request)
        else:
            await response.write(end)
        return response


def told_in(body: dict[str, Any]) -> str:
    """The text of the last turn of the user."""
    said = body.get("messages") or body["input"]
    if isinstance(said, str):
        return said
    content = said[-1]["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


@pytest.fixture(scope="module")
async def crowd() -> AsyncIterator[Crowd]:
    crowd = Crowd()
    app = web.Application()
    for dialect, path in PATHS.items():

        async def take(request: web.Request, dialect: str = dialect) -> web.StreamResponse:
            return await crowd.take(request, dialect)

        app.router.add_post(f"/v1{path}", take)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    crowd.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield crowd
    await runner.cleanup()


@pytest.fixture(scope="module")
async def house(
    house_database: str, crowd: Crowd, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    providers = "".join(provider(name, dialect, crowd.base_url) for name, dialect in PROVIDERS.items())
    async with housing(tmp_path_factory.mktemp("crowd"), house_database, crowd, providers + SETTINGS) as running:
        yield running


@dataclass
class Tally:
    """The runs of whole answers, how many clients left, and what else came."""

    whole: set[str] = field(default_factory=set)
    left: int = 0
    failed: Counter[bytes] = field(default_factory=Counter)


@pytest.mark.slow
async def test_in_a_crowd_every_answer_is_its_requests_and_on_the_bill(house: House, crowd: Crowd) -> None:
    key, tally = await house.new_key(KeyLimits(None, 10_000_000, 2_000_000_000)), Tally()
    until = asyncio.get_running_loop().time() + DURATION_S
    shown = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=shown) as http:
        await asyncio.gather(*(visit(http, house, number, until, tally) for number in range(CLIENTS)))
    assert not tally.failed
    assert await house.set_aside() == 0  # nothing waits to be recorded either
    rows = house.workspace.database.rows
    runs = await rows("SELECT id, status, error_code FROM run WHERE key_id = %s", [key[:10]])
    calls = await rows("SELECT c.* FROM model_call c JOIN run r ON r.id = c.run_id WHERE r.key_id = %s", [key[:10]])
    assert tally.whole <= {run["id"] for run in runs}
    assert len(tally.whole) <= len(runs) <= len(tally.whole) + tally.left
    assert {(run["status"], run["error_code"]) for run in runs if run["id"] not in tally.whole} <= {
        ("failed", "run.cancelled"),
        ("answered", None),  # its client left when it was on its way
    }
    used = await rows("SELECT unit, used FROM quota WHERE scope = %s", [f"key:{key[:10]}"])
    tokens = sum(call["input_tokens"] + call["output_tokens"] for call in calls)
    asked = {call["run_id"] for call in calls}  # a client may leave before its call was let in
    spent = summed(used)
    assert len(asked) <= spent["requests"] <= len(runs)
    assert spent["tokens"] == tokens
    billed = Counter[str]()
    for call in calls:
        if call["run_id"] in tally.whole and not call["error"]:
            assert (call["input_tokens"], call["output_tokens"]) == (INPUT, 21)
            billed[call["run_id"]] += 1
    assert billed == Counter(tally.whole)


def summed(used: list[Row]) -> dict[str, int]:
    """By unit, of all minutes."""
    found = Counter[str]()
    for row in used:
        found[row["unit"]] += int(row["used"])
    return dict(found)


async def visit(http: aiohttp.ClientSession, house: House, number: int, until: float, tally: Tally) -> None:
    chance, turn = random.Random(number), 0
    while asyncio.get_running_loop().time() < until:
        turn += 1
        told = f"client-{number}-{turn}"
        dialect = chance.choice([*PATHS])
        asked: dict[str, Any] = {
            "model": chance.choice([*PROVIDERS]),
            "stream": chance.random() < 0.5,
            "max_tokens": 99,
        }
        if dialect == "openai_responses":
            asked["input"] = told
            del asked["max_tokens"]
        else:
            asked["messages"] = [{"role": "user", "content": told}]
        leaves_after_s = chance.random() * 0.05 if chance.random() < 0.05 else 60
        try:
            async with asyncio.timeout(leaves_after_s):
                async with http.post(f"{house.url}/v1{PATHS[dialect]}", json=asked) as got:
                    said = Said(got.status, dict(got.headers), await got.read())
        except TimeoutError:
            assert leaves_after_s < 60
            tally.left += 1
            continue
        if said.status != 200 or b'"error":{' in said.body:
            tally.failed[said.body] += 1
            continue
        text = streamed(dialect, said) if asked["stream"] else text_of(dialect, said)
        assert text == told + "".join(f" {told}.{at}" for at in range(20)), (told, text)
        tally.whole.add(said.headers["x-run-id"])
