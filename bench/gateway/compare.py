"""The gateway beside LiteLLM, Portkey and nginx in one run of a bench folder with `bench.py` and `targets.json`.

    python bench/gateway/compare.py --bench DIR --peers DIR [--seconds 2] [--memory 200000] [--faults]

`--bench` holds the driver, the mock vendor and the peers' settings; `--peers` is the folder that the targets call
`$GW`. LiteLLM runs without a database, in its cheapest form; the gateway with everything on. Prints every ratio
beside its floor and aim, and one JSON line.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import finish, say

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEERS = ("nginx", "litellm", "portkey")
CELLS = "small:1,small:16,small:64,stream:1,stream:16,paced:16"
MOCK = "http://127.0.0.1:9100"

Row = dict[str, Any]


def bench(folder: Path, peers: Path, only: str, seconds: float, cells: str) -> list[Row]:
    """The rows of one run of `bench.py`."""
    with tempfile.TemporaryDirectory() as scratch:
        targets = json.loads((folder / "targets.json").read_text()) + json.loads((HERE / "target.json").read_text())
        joined, out = Path(scratch) / "targets.json", Path(scratch) / "rows.jsonl"
        joined.write_text(json.dumps(targets))
        command = [
            sys.executable, str(folder / "bench.py"), "--targets", str(joined), "--only", only, "--cells", cells,
            "--dur", str(seconds), "--out", str(out), "--ready-timeout", "120",
        ]  # fmt: skip
        env = {**os.environ, "GW": str(peers), "BENCH": str(folder), "STEADYHAND": str(ROOT)}  # noqa: TID251
        subprocess.run(command, env=env, check=True, stdout=sys.stderr)
        return [json.loads(line) for line in out.read_text().splitlines()]


def ratios(rows: list[Row]) -> list[tuple[str, float, float, float]]:
    """What was asked for: name, result, floor, aim. Less is better, but for requests per second."""
    cells = {(row["target"], row["case"], row["conc"]): row for row in rows if "case" in row}

    def of(target: str, case: str, connections: int, figure: str) -> float:
        return float(cells.get((target, case, connections), {}).get(figure) or float("nan"))

    def ours(case: str, connections: int, figure: str) -> float:
        return of("steadyhand", case, connections, figure)

    def beside(peer: str, case: str, connections: int, figure: str) -> float:
        return ours(case, connections, figure) / of(peer, case, connections, figure)

    return [
        ("CPU per request / LiteLLM, c=16", beside("litellm", "small", 16, "cpu_us"), 1 / 60, 1 / 150),
        ("CPU per request / Portkey, c=16", beside("portkey", "small", 16, "cpu_us"), 1 / 8, 1 / 20),
        ("CPU per request / nginx, c=16", beside("nginx", "small", 16, "cpu_us"), 20, 8),
        ("requests per second / LiteLLM, c=16", beside("litellm", "small", 16, "rps"), 50, 120),
        ("requests per second / LiteLLM, c=64", beside("litellm", "small", 64, "rps"), 50, 120),
        ("added p50 at c=1 / LiteLLM", beside("litellm", "small", 1, "added_p50"), 1 / 40, 1 / 100),
        ("CPU per 64-chunk stream / LiteLLM, c=16", beside("litellm", "stream", 16, "cpu_us"), 1 / 60, 1 / 120),
        ("CPU per 64-chunk stream / nginx, c=16", beside("nginx", "stream", 16, "cpu_us"), 6, 3),
        ("CPU per 64-chunk stream / nginx, c=1", beside("nginx", "stream", 1, "cpu_us"), 6, 3),
        ("added time to first token, paced c=16, ms", ours("paced", 16, "added_ttft50"), 2, 1),
    ]


def shown(value: float) -> str:
    return f"1/{1 / value:.0f}" if 0 < value < 0.5 else f"{value:.2f}"


def faults(folder: Path) -> str:
    """What `faults.py` prints, with the mock and the gateway started for it."""
    target = json.loads((HERE / "target.json").read_text())[0]
    with tempfile.TemporaryDirectory() as scratch:
        mock = f"{scratch}/mock"
        subprocess.run(["/usr/bin/gcc", "-O2", "-o", mock, str(folder / "mock.c")], check=True)
        serving = [sys.executable, str(HERE / "serve.py"), "--port", "9410", "--upstream", f"{MOCK}/v1"]
        with subprocess.Popen([mock, "9100"]) as upstream, subprocess.Popen(serving) as gateway:
            try:
                time.sleep(8)
                command = [sys.executable, str(folder / "faults.py"), "--base-url", target["base_url"]]
                command += ["--api-key", target["key"], "--mock", MOCK, "--n", "20"]
                return subprocess.run(command, check=True, capture_output=True, text=True).stdout
            finally:
                gateway.terminate()
                gateway.wait(15)
                upstream.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--only", default=",".join((*PEERS, "steadyhand")))
    parser.add_argument("--cells", default=CELLS)
    parser.add_argument("--faults", action="store_true", help="run the fault suite instead")
    asked = parser.parse_args()
    if asked.faults:
        say(faults(asked.bench.resolve()))
        return
    rows = bench(asked.bench.resolve(), asked.peers.resolve(), asked.only, asked.seconds, asked.cells)
    found = ratios(rows)
    for name, result, floor, aim in found:
        say(f"{name:44} {shown(result):>10}   floor {shown(floor):>6}   aim {shown(aim):>6}")
    errors = sum(row["errors"] for row in rows if "errors" in row and row["target"] == "steadyhand")
    finish({"errors": errors, **{name: round(result, 5) for name, result, _, _ in found}})


if __name__ == "__main__":
    main()
