"""Is every token billed that the provider gave, also of streams whose clients went away?

    python bench/gateway/billing.py --bench DIR [--calls 200] [--aborts 40]

`--bench` holds the mock vendor `mock.c`, which counts what it sends. Whole answers and complete streams have to be
billed exactly; a stream that its client left has to be billed within one of its chunks.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import finish, say, workspace
from serve import admit, settings
from steadyhand.serve.http import serve
from steadyhand.workspace import AsyncWorkspace

KEY = "sh_bench0000000000000000000000000000000000000000"
MOCK = "http://127.0.0.1:9100"
_ANSWER_TOKENS, _STREAM_TOKENS, _PROMPT_TOKENS = 175, 64, 120  # what the mock says of its answers
_LEFT_AFTER = 20  # words


@contextmanager
def mock(folder: Path) -> Iterator[None]:
    """The mock vendor, compiled and running."""
    with tempfile.TemporaryDirectory() as scratch:
        built = f"{scratch}/mock"
        subprocess.run(["/usr/bin/gcc", "-O2", "-o", built, str(folder / "mock.c")], check=True)
        with subprocess.Popen([built, "9100"]) as process:
            try:
                yield
            finally:
                process.terminate()


def body(model: str, *, is_streamed: bool, wants_usage: bool = True) -> dict[str, object]:
    asked: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    if is_streamed:
        asked |= {"stream": True}
        if wants_usage:
            asked |= {"stream_options": {"include_usage": True}}
    return asked


class Client:
    """Asks the gateway."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = f"{url}/v1/chat/completions"
        self._headers = {"authorization": f"Bearer {KEY}"}

    async def ask(self, model: str, *, is_streamed: bool, wants_usage: bool = True) -> None:
        asked = body(model, is_streamed=is_streamed, wants_usage=wants_usage)
        async with self._session.post(self._url, json=asked, headers=self._headers) as answer:
            answer.raise_for_status()
            await answer.read()

    async def leave(self, model: str) -> None:
        """Read some words of a stream, and go."""
        words = 0
        async with self._session.post(
            self._url, json=body(model, is_streamed=True), headers=self._headers
        ) as answer:
            async for line in answer.content:
                words += line.count(b'"content":" ')
                if words >= _LEFT_AFTER:
                    break
            answer.close()


async def billed(opened: AsyncWorkspace, count: int) -> tuple[int, int]:
    """Input and output tokens in the ledger, once it holds so many calls; they are forgotten then."""
    for _ in range(200):
        rows = await opened.database.rows(
            "SELECT count(DISTINCT run_id) AS runs, coalesce(sum(input_tokens), 0) AS input,"
            " coalesce(sum(output_tokens), 0) AS output FROM model_call"
        )
        if rows[0]["runs"] >= count:
            await opened.database.execute("DELETE FROM run")
            return int(rows[0]["input"]), int(rows[0]["output"])
        await asyncio.sleep(0.05)
    raise SystemExit(f"expected {count} calls in the ledger; found {rows[0]['runs']}")


async def run(calls: int, aborts: int) -> dict[str, int | float]:
    async with workspace(settings(f"{MOCK}/v1", 3.0)) as opened, aiohttp.ClientSession() as session:
        await admit(opened, KEY)
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(serve(opened, "127.0.0.1", 0, ready.set_result))
        client = Client(session, await ready)
        for number in range(calls):
            await client.ask("mock", is_streamed=bool(number % 2), wants_usage=bool(number % 4 == 1))
        whole_in, whole_out = await billed(opened, calls)
        async with session.get(f"{MOCK}/reset") as answer:
            await answer.read()
        for _ in range(aborts):
            await client.leave("mock-lat20-gap2000")
        _, part_out = await billed(opened, aborts)
        async with session.get(f"{MOCK}/stats") as answer:
            stats = await answer.json(content_type=None)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    streams = calls // 2
    sent = stats["chunks"] - stats["streams"]  # the first chunk of a stream holds no word
    return {
        "calls": calls,
        "input_error": whole_in - calls * _PROMPT_TOKENS,
        "output_error": whole_out - (calls - streams) * _ANSWER_TOKENS - streams * _STREAM_TOKENS,
        "aborted": aborts,
        "provider_aborted": stats["client_aborted"],
        "sent_by_provider": sent,
        "billed_of_aborted": part_out,
        "error_per_aborted_stream": round(abs(part_out - sent) / aborts, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--aborts", type=int, default=40)
    asked = parser.parse_args()
    with mock(asked.bench.resolve()):
        figures = uvloop.run(run(asked.calls, asked.aborts))
    say("0 wanted for whole answers, at most 1 for each stream that was left")
    finish(figures)


if __name__ == "__main__":
    main()
