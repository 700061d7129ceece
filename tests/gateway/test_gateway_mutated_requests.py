"""Requests with anything anywhere, to every dialect of vendors: understood or refused, and nothing breaks."""

import copy
import json
import logging
import random
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from faulty_vendor import PATHS, Vendor
from gateway_house import House, housing, provider
from six_vendors import IMAGE, RAIN, SCHEMA, WIRES, Answer

from steadyhand.access.keys import KeyLimits

REQUESTS = 600
DEEP = (300, 1_000, 9_000)
URL = f"data:image/png;base64,{IMAGE}"
BODIES: dict[str, dict[str, Any]] = {
    "openai": {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": URL}}]},
            {
                "role": "assistant",
                "content": "ok",
                "reasoning_content": "hm",
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "weather", "arguments": '{"a":1}'}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": "rain"},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA, "strict": True}}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "max_tokens": 9, "temperature": 0.5, "top_p": 0.5, "seed": 3, "user": "u", "n": 1,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
        "stream_options": {"include_usage": True}, "reasoning_effort": "low", "metadata": {"a": "b"},
    },
    "openai_responses": {
        "instructions": "s",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}, {"type": "input_image", "image_url": URL}]},
            {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "e"},
            {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "rain"},
        ],
        "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}],
        "tool_choice": "auto", "max_output_tokens": 9, "temperature": 0.5, "reasoning": {"effort": "low"}, "user": "u",
        "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}, "store": False,
    },
    "anthropic": {
        "max_tokens": 9,
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "hi"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "t", "signature": "s"},
                    {"type": "tool_use", "id": "c", "name": "weather", "input": {"a": 1}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "rain", "is_error": False}]},
        ],
        "tools": [{"name": "weather", "description": "d", "input_schema": SCHEMA}],
        "tool_choice": {"type": "tool", "name": "weather"}, "temperature": 0.5, "top_k": 3, "metadata": {"user_id": "u"},
        "thinking": {"type": "enabled", "budget_tokens": 1024}, "output_config": {"effort": "low"},
    },
}  # fmt: skip
ODD: list[Any] = [
    None, True, 0, -1, 2**31, 2**63, 2**64, 10**30, 0.1, 1e308, -0.0, "", "x", "\0", "a\0b", "\ud800", "😀" * 50,
    "\u2028\u2029\x85\x1c", "\\", "\t\n\r", "x" * 5_000, [], {}, [[]], [None], [{}], {"": ""}, {"type": None},
    {"type": "text", "text": 7}, "data:image/png;base64,%%%", "http://x/\r\n", "data:,", "auto", "required", "NaN",
    {"role": "user", "content": "x"}, [{"role": "user", "content": None}], *(f"deep {levels}" for levels in DEEP),
]  # fmt: skip


async def answer(request: web.Request) -> web.Response:
    """Whatever was asked."""
    path, body = request.path_qs, await request.read()
    wire = next(it for it in WIRES.values() if path.startswith(it.path))
    is_streamed = b'"stream":true' in body.replace(b" ", b"") or "stream" in path
    content = wire.write(Answer(RAIN, "stop"), is_streamed=is_streamed)
    return web.Response(body=content, content_type=wire.media_type if is_streamed else "application/json")


@pytest.fixture(scope="module")
async def house(house_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    app = web.Application(client_max_size=10**9)
    app.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    settings = "".join(provider(f"by-{dialect.replace('_', '-')}", dialect, url) for dialect in WIRES)
    guards = '[gateway]\nguardrails = ["secrets", "pii", "injection"]\n'
    async with housing(tmp_path_factory.mktemp("odd"), house_database, Vendor(), settings + guards) as running:
        yield running
    await runner.cleanup()


@pytest.mark.parametrize("seed", [1, 2])
async def test_odd_requests_are_answered_or_refused_in_their_dialect(
    house: House, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    chance, key = random.Random(seed), await house.new_key(KeyLimits(Decimal(10**6), 10**6, 2 * 10**9))
    recorded = 0
    for number in range(REQUESTS):
        dialect, vendor = chance.choice([*BODIES]), chance.choice([*WIRES])
        body = {**mutated(BODIES[dialect], chance), "model": f"by-{vendor.replace('_', '-')}:m{number}"}
        body |= {"stream": True} if chance.random() < 0.5 else {}
        content = written(body, chance)
        headers = {"Authorization": f"Bearer {key}"}
        async with house.http.post(f"{house.url}/v1{PATHS[dialect]}", data=content, headers=headers) as said:
            status, heard = said.status, await said.read()
            recorded += "x-run-id" in said.headers
        if status == 200:
            assert b'"error":{' not in heard, content
        else:
            assert status in (400, 402, 413, 429, 502), (status, heard, content)
            error = json.loads(heard)["error"]
            assert error["message"]
            assert status != 502 or error["steadyhand"]["code"] == "provider.refused"
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert len(await house.rows(recorded, key)) == recorded > REQUESTS // 2
    assert await house.set_aside() == 0


def mutated(body: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """With one to three of its values, at any depth, taken out, replaced or added to."""
    body = copy.deepcopy(body)
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        *above, last = chance.choice([place for place in places(body) if place])
        holder: Any = body
        for step in above:
            holder = holder[step]
        odd, kind = copy.deepcopy(chance.choice(ODD)), chance.random()
        if kind < 0.15:
            del holder[last]
        elif kind < 0.25 and isinstance(holder, dict):
            holder[chance.choice(["else", "type", "content", "name", "\0", "😀", "text"])] = odd
        elif kind < 0.3 and isinstance(holder, list) and holder:
            holder.append(copy.deepcopy(chance.choice(holder)))
        else:
            holder[last] = odd
    return body


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield above
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, found in inside:
        yield from places(found, (*above, step))


def written(body: dict[str, Any], chance: random.Random) -> bytes:
    """As JSON, which may be cut short or have a byte of another value."""
    content = json.dumps(body, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    for levels in DEEP:
        content = content.replace(b'"deep %d"' % levels, b"[" * levels + b"]" * levels)
    if chance.random() < 0.05:
        return content[: chance.randrange(len(content))]
    if chance.random() < 0.03:
        at = chance.randrange(len(content))
        return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]
    return content
