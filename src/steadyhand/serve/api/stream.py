"""A run told while it happens, as server-sent events. Source: the WHATWG HTML standard, section 9.2."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable
from typing import Protocol

from steadyhand.errors import SteadyhandError
from steadyhand.pipeline.engine import Watch
from steadyhand.serve.api.answers import failure_json
from steadyhand.types.run import Answer, StepRecord
from steadyhand.types.wire import answer_json, error_json, plain

HEARTBEAT_S = 10.0  # proxies close a connection on which nothing is said, most of them after 30 s or more

_log = logging.getLogger(__name__)

Running = set["asyncio.Task[Answer]"]
"""The runs under way. They end by themselves when their caller goes away, and are recorded like all others."""


class Start(Protocol):
    """Begins the run; `watch` hears of every step when it ends."""

    def __call__(self, *, watch: Watch) -> Awaitable[Answer]: ...


async def events(start: Start, running: Running, *, heartbeat_s: float = HEARTBEAT_S) -> AsyncIterator[bytes]:
    """`step` for every step when it ends, then one `answer` or one `error`."""
    steps: asyncio.Queue[StepRecord | None] = asyncio.Queue()
    run = asyncio.create_task(_run(start, steps))
    running.add(run)
    run.add_done_callback(running.discard)
    while True:
        try:
            async with asyncio.timeout(heartbeat_s):
                step = await steps.get()
        except TimeoutError:
            yield b": the run is under way\n\n"
            continue
        if step is None:
            break
        yield _event("step", plain(step))
    yield await _ending(run)


async def _run(start: Start, steps: "asyncio.Queue[StepRecord | None]") -> Answer:
    try:
        return await start(watch=steps.put_nowait)
    finally:
        steps.put_nowait(None)


async def _ending(run: "asyncio.Task[Answer]") -> bytes:
    try:
        answer = await run
    except SteadyhandError as error:
        return _event("error", error_json(error.code, str(error), hint=error.hint, run_id=error.run_id))
    except Exception:  # noqa: BLE001 - the last place before the network
        _log.exception("a streamed run broke")
        return _event("error", error_json(SteadyhandError.code, "something broke on our side"))
    if answer.is_good:
        return _event("answer", answer_json(answer))
    return _event("error", failure_json(answer))


def _event(name: str, data: object) -> bytes:
    """JSON has no line breaks outside of strings and escapes them inside, so an event's data is one line."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, allow_nan=False)}\n\n".encode()
