"""What Steadyhand adds to a model call: everything on the path of a run but the model itself.

    python bench/overhead.py [--data WORKSPACE] [--runs N]

`WORKSPACE` is a workspace such as examples/company: its knowledge is ingested, and each feature is called with the
first input of its `gold.jsonl`; the time of the built-in model is in the figures then. Without it a feature is
called that rules alone decide, so that what is left is the path: admission, guardrails, rules, schema, checks, and
the rows in the ledger, written with fsync before the answer leaves.
"""

import argparse
import asyncio
import json
import time
from pathlib import Path
from statistics import median
from typing import Any

from harness import finish, say, workspace
from steadyhand.workspace import AsyncWorkspace

_RULED = """
name = "ruled"
purpose = "Sorts by rule, so that no model is needed."
owner = "bench"
[input]
subject = "string"
body = "text <= 20000"
[output]
queue = "billing | support"
[models]
try = ["local:nearest"]
[guardrails]
input = ["pii", "injection", "secrets"]
[[check]]
rule = "output.queue != 'billing' || size(input.body) > 0"
[[rule]]
when = "true"
then = { queue = "billing" }
"""
_INPUT = {"subject": "Invoice 4711", "body": "Please send the invoice of May again, the file was empty. " * 8}


async def main(data: Path | None, runs: int) -> None:
    async with workspace(copied=data) as opened:
        folder = opened.settings.root / "features"
        if data is None:
            (folder / "ruled").mkdir()
            (folder / "ruled" / "feature.toml").write_text(_RULED, encoding="utf-8")
            (folder / "ruled" / "gold.jsonl").write_text(
                json.dumps({"input": _INPUT, "expect": {}}), encoding="utf-8"
            )
        for base in opened.settings.knowledge:
            async for progress in opened.sync(base):
                say(f"{base}: {progress.path} {progress.outcome}")
        figures = {}
        for name in opened.features.names():
            line = (folder / name / "gold.jsonl").read_text(encoding="utf-8").splitlines()[0]
            figures[name] = await _measured(opened, name, json.loads(line)["input"], runs)
    finish(figures)


async def _measured(opened: AsyncWorkspace, name: str, values: dict[str, Any], runs: int) -> dict[str, float]:
    for _ in range(20):
        await opened.run(name, values)
    seconds, cpu = [], time.process_time()
    for _ in range(runs):
        began = time.perf_counter()
        await opened.run(name, values)
        seconds.append(time.perf_counter() - began)
    alone_ms = (time.process_time() - cpu) / runs * 1000
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(_some(opened, name, values, runs // 16) for _ in range(16)))
    together = runs // 16 * 16
    rate = together / (time.perf_counter() - began)
    seconds.sort()
    say(f"{name}: {runs} runs one after the other, then {together} by 16 callers")
    return {
        "cpu_ms": round(alone_ms, 3),
        "cpu_ms_16_callers": round((time.process_time() - cpu) / together * 1000, 3),
        "p50_ms": round(median(seconds) * 1000, 2),
        "p95_ms": round(seconds[int(len(seconds) * 0.95)] * 1000, 2),
        "runs_per_s_16_callers": round(rate, 1),
    }


async def _some(opened: AsyncWorkspace, name: str, values: dict[str, Any], runs: int) -> None:
    for _ in range(runs):
        await opened.run(name, values)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--runs", type=int, default=500)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.data, arguments.runs))
