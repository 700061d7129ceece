"""A gateway to measure: a workspace of its own in front of a mock upstream, with everything on.

    python bench/gateway/serve.py --port 9410 --upstream http://127.0.0.1:9100/v1 --key sh_bench

Every call shows a key that has a budget and limits of requests and tokens, is looked at by the gateway's guardrail,
is priced, and ends with rows in the ledger on the embedded PostgreSQL. The workspace lies in a temporary folder and
goes with the process. The names are those of the fault suite: `mock-<fault>` falls back to `mock`.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import say, workspace
from steadyhand.serve.http import serve
from steadyhand.workspace import AsyncWorkspace

FAULTS = ("err50", "err100", "rl100", "bad100", "cut100", "hang100", "cut100-gap20000")
SPEEDS = ("mock", "mock-b20000", "mock-lat20-gap2000", "mock-lat50")

_KEY = 'key_command = ["echo", "sk-upstream"]'
_PRICE = "input_usd = 0.15\noutput_usd = 0.6\n"


def settings(upstream: str, timeout_s: float) -> str:
    """The workspace's `steadyhand.toml`."""
    tables = [
        'name = "bench"',
        f'[providers.mock]\nbase_url = "{upstream}"\nplace = "local"\nalso = ["anthropic"]\n{_KEY}',
    ]
    tables += [f'[catalog."mock:{name}"]\n{_PRICE}' for name in (*SPEEDS, *(f"mock-{fault}" for fault in FAULTS))]
    tables += [f'[gateway.models."{name}"]\ntry = ["mock:{name}"]' for name in SPEEDS]
    for fault in FAULTS:
        tables.append(
            f'[gateway.models."mock-{fault}"]\ntry = ["mock:mock-{fault}", "mock:mock"]\nattempt_s = {timeout_s}'
        )
    return "\n\n".join(tables) + "\n"


async def admit(workspace: AsyncWorkspace, key: str) -> None:
    """A key that is known beforehand, with every kind of limit; none of them is reached."""
    await workspace.database.execute(
        "INSERT INTO access_key (id, name, role, hash, usd_per_day, requests_per_minute, tokens_per_minute)"
        " VALUES (%s, 'bench', 'caller', %s, 1000000, 100000000, 2000000000)",
        [key[:10], hashlib.sha256(key.encode()).digest()],
    )


async def run(port: int, upstream: str, key: str, timeout_s: float) -> None:
    async with workspace(settings(upstream, timeout_s)) as opened:
        await admit(opened, key)
        await serve(opened, "127.0.0.1", port, lambda address: say(f"gateway at {address}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9410)
    parser.add_argument("--upstream", default="http://127.0.0.1:9100/v1")
    parser.add_argument("--key", default="sh_bench0000000000000000000000000000000000000000")
    parser.add_argument("--timeout-s", type=float, default=3.0, help="for one upstream's first byte")
    asked = parser.parse_args()
    uvloop.run(run(asked.port, asked.upstream, asked.key, asked.timeout_s))


if __name__ == "__main__":
    main()
