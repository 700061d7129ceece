"""Does a cache for frequent questions ever give the answer of another question? Probes from end to end.

    python bench/cache_probes.py --data probes.jsonl

A probe is a line `{"family", "a", "b", "label"}`: label 1 when one answer is right for both questions. `a` is
asked, then `b`, as runs of a feature with `[cache] match = "faq"`, in a workspace on the embedded PostgreSQL. The
model is a server on loopback whose answer names the question it was asked; when `b` gets the answer that names `a`
it was served from the cache. Probes do not see each other: each has a number of its own in its input.
"""

import argparse
import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from harness import finish, say, track, workspace
from steadyhand.types.run import Answer
from steadyhand.workspace import AsyncWorkspace

_FEATURE = """
name = "faq"
purpose = "Answer a question, for the probes of the cache."
owner = "bench"
[input]
question = "text"
probe = "integer"
[output]
answer = "text"
[models]
try = ["marker:marker"]
[cache]
match = "faq"
"""
_PROMPT = "Answer {{ input.question }}"
_QUESTION = re.compile(r"<input[^>]*>(.*?)</input", re.DOTALL)


async def main(probes: list[dict[str, Any]]) -> None:
    served: list[tuple[str, int, bool]] = []
    async with (
        marker() as address,
        workspace(f'[providers.marker]\nbase_url = "{address}"\nplace = "local"\n') as opened,
    ):
        folder = opened.settings.root / "features" / "faq"
        folder.mkdir()
        (folder / "feature.toml").write_text(_FEATURE, encoding="utf-8")
        (folder / "prompt.md").write_text(_PROMPT, encoding="utf-8")
        for number, probe in enumerate(track(probes, description="probing", transient=True)):
            is_served = await is_repeated(opened, number, probe)
            served.append((probe["family"], probe["label"], is_served))
            if is_served and not probe["label"]:
                say(f"false hit ({probe['family']}): {probe['a']!r} answered {probe['b']!r}")
    finish(figures(served))


async def is_repeated(opened: AsyncWorkspace, number: int, probe: dict[str, Any]) -> bool:
    """Is `b` given the answer of `a`? Raises `AssertionError` when the bench itself does not work."""
    first, second = [await ask(opened, number, probe[name]) for name in ("a", "b")]
    own, other = probe["a"].strip(), probe["b"].strip()
    is_hit = str(second.model).startswith("cache:")
    assert said(first) == own, first
    assert said(second) == (own if is_hit else other), second
    return is_hit


async def ask(opened: AsyncWorkspace, number: int, question: str) -> Answer:
    answer = await opened.run("faq", {"question": question, "probe": number})
    assert answer.status == "answered", answer
    return answer


def said(answer: Answer) -> object:
    assert answer.output is not None
    return answer.output["answer"]


def figures(served: list[tuple[str, int, bool]]) -> dict[str, Any]:
    hits = Counter(family for family, label, is_hit in served if is_hit and label)
    same = Counter(family for family, label, _ in served if label)
    false = [family for family, label, is_hit in served if is_hit and not label]
    return {
        "false_hits": len(false),
        "hits": hits.total(),
        "pairs": len(served),
        "other": len(served) - same.total(),
        "same": same.total(),
        "hit_rate": round(hits.total() / max(1, same.total()), 4),
        "hits_by_family": {family: f"{hits[family]}/{count}" for family, count in sorted(same.items())},
    }


@asynccontextmanager
async def marker() -> AsyncIterator[str]:
    """The address of a model whose answer is the question it was asked."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", _answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        await runner.cleanup()


async def _answer(request: web.Request) -> web.Response:
    asked = "\n".join(str(message["content"]) for message in (await request.json())["messages"])
    question = _QUESTION.search(asked)
    assert question is not None, asked
    text = json.dumps({"answer": question.group(1).strip()})
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
    return web.json_response({"id": "x", "model": "marker", "choices": [choice], "usage": usage})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="probes, one JSON object per line")
    written = parser.parse_args().data.read_text(encoding="utf-8")
    asyncio.run(main([json.loads(line) for line in written.splitlines() if line.strip()]))
