"""The same documents, the same MiniLM, three stacks: ours, LlamaIndex and Haystack, each with its defaults.

    python bench/peers.py --data DIR --peers VENV --model DIR [--script FILE] [--documents 100] [--questions 50]

`VENV` has the peers installed, `--model` is MiniLM as their libraries load it, and `--script` runs one of them and
prints a line of JSON (its head says how). Ours ingests files into PostgreSQL; theirs texts into memory, saved at
the end. Processor time is that of all processes: reading children and PostgreSQL are counted as ours. Linux.
"""

import argparse
import asyncio
import compileall
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from harness import Set, finish, load, say
from steadyhand.workspace import AsyncWorkspace

_PEERS = ("llamaindex", "haystack")
_SCRIPT = Path(__file__).parents[2] / "shared" / "bench" / "knowledge" / "peers_bench.py"
_START = Path(__file__).with_name("cold_start.py")
_PACKAGE = Path(__file__).parents[1] / "src" / "steadyhand"
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_TARGETS = {"fp32": 2.0, "int8": 3.5}  # chunks per second of processor time, times the better peer's
_QUERY_TARGET, _START_TARGET = 3.0, 5.0


def main(arguments: argparse.Namespace) -> None:
    figures = {}
    compileall.compile_dir(_PACKAGE, quiet=1)  # as installing does, and did for the peers
    for precision in _TARGETS:
        say(f"steadyhand {precision}")
        figures[precision] = _ours(arguments, precision)
    for peer in _PEERS:
        say(peer)
        figures[peer] = _peer(arguments, peer)
    finish({**figures, "ratios": _ratios(figures)})


def _ratios(figures: dict[str, dict[str, float]]) -> dict[str, dict[str, float | bool]]:
    """Ours against the better of the peers in each figure, and whether that is what we promise."""
    peers = [figures[peer] for peer in _PEERS]
    found: dict[str, dict[str, float | bool]] = {}
    for precision, least in _TARGETS.items():
        ours = figures[precision]
        ingest = ours["chunks_per_cpu_s"] / max(peer["chunks_per_cpu_s"] for peer in peers)
        query = min(peer["query_p50_ms"] for peer in peers) / ours["query_p50_ms"]
        start = min(peer["start_s"] for peer in peers) / ours["start_s"]
        found[precision] = {
            "chunks_per_cpu_s": round(ingest, 2),
            "documents_per_cpu_s": round(
                ours["documents_per_cpu_s"] / max(peer["documents_per_cpu_s"] for peer in peers), 2
            ),
            "query": round(query, 2),
            "start": round(start, 2),
            "ok": ingest >= least and query >= _QUERY_TARGET and start >= _START_TARGET,
        }
    return found


def _peer(arguments: argparse.Namespace, peer: str) -> dict[str, float]:
    command = [
        arguments.peers / "bin" / "python", arguments.script, peer, arguments.model, arguments.model,
        arguments.data, str(arguments.documents), str(arguments.questions),
    ]  # fmt: skip
    told = _last_line(command)
    return {
        "chunks": told["chunks"],
        "chunks_per_cpu_s": round(told["chunks"] / told["ingest_cpu_s"], 2),
        "documents_per_cpu_s": told["docs_per_cpu_s"],
        "query_p50_ms": told["hybrid"]["p50_ms"],
        "query_cpu_ms": told["hybrid"]["cpu_ms"],
        "start_s": told["load_s"],
    }


def _ours(arguments: argparse.Namespace, precision: str) -> dict[str, float]:
    """Ingest and questions in one process, then a start of the workspace that there is by then in another one."""
    with tempfile.TemporaryDirectory(prefix="steadyhand-peers-") as folder:
        root = Path(folder)
        (root / "features").mkdir()
        (root / "steadyhand.toml").write_text(f'[embedder]\nprecision = "{precision}"\n', encoding="utf-8")
        own = [sys.executable, __file__, "--data", str(arguments.data), "--inside", folder]
        sizes = ["--documents", str(arguments.documents), "--questions", str(arguments.questions)]
        figures = _last_line([*own, *sizes])
        began = time.perf_counter()
        ready_s = _last_line([sys.executable, _START, folder, "set"])["ready_s"]
        say(f"started in {ready_s:.2f} s, ended after {time.perf_counter() - began:.2f} s")
        return {**figures, "start_s": round(ready_s, 2)}


def _last_line(command: list[Any]) -> dict[str, Any]:
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout.decode().splitlines()[-1])
    return found


async def _inside(root: Path, data: Path, documents: int, questions: int) -> None:
    """Our side, in a process of its own."""
    found = load(data)
    queries = dict(list(found.queries.items())[:questions])
    folder = root / "knowledge" / "set"
    folder.mkdir(parents=True)
    for number, document in enumerate(_chosen(found, queries, documents)):
        text = f"{found.titles[document]}\n\n{found.texts[document]}"
        (folder / f"d{number:06}.txt").write_text(text, encoding="utf-8")
    async with await AsyncWorkspace.open(root) as opened:
        await _warm(opened, root)
        before, began = _cpu_s(root), time.perf_counter()
        steps = [step async for step in opened.sync("set", folder)]
        cpu_s, wall_s = _cpu_s(root) - before, time.perf_counter() - began
        passages = sum(step.passages for step in steps)
        seconds = []
        for text in queries.values():
            asked = time.perf_counter()
            await opened.search("set", text, top_k=10)
            seconds.append(time.perf_counter() - asked)
    finish(
        {
            "chunks": passages,
            "chunks_per_cpu_s": round(passages / cpu_s, 2),
            "documents_per_cpu_s": round(len(steps) / cpu_s, 2),
            "chunks_per_s": round(passages / wall_s, 2),
            "query_p50_ms": round(median(seconds) * 1000, 2),
        }
    )


async def _warm(opened: AsyncWorkspace, root: Path) -> None:
    """Load the model and start a reading child, as the peers load theirs before they are measured."""
    note = root / "warm.txt"
    note.write_text("A note that nobody asks for.", encoding="utf-8")
    _ = [step async for step in opened.sync("warm", note)]


def _chosen(found: Set, queries: dict[str, str], most: int) -> list[str]:
    """The documents that answer the questions, then others, as the peers' script takes them."""
    needed = {document for query in queries for document in found.grades[query]}
    first = [document for document in found.texts if document in needed]
    others = [document for document in found.texts if document not in needed]
    return first + others[: max(0, most - len(needed))]


def _cpu_s(root: Path) -> float:
    """Processor time of this process, its children and PostgreSQL with all of its, also of those that ended."""
    parents = dict(_processes())
    ours = {os.getpid(), _postmaster(root)}
    while more := {pid for pid, fields in parents.items() if int(fields[1]) in ours} - ours:
        ours |= more
    return sum(sum(map(int, parents[pid][11:15])) for pid in ours if pid in parents) / _TICKS


def _processes() -> Iterator[tuple[int, list[str]]]:
    """Every process with the fields of its `stat` behind the name."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            yield int(path.parent.name), path.read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue


def _postmaster(root: Path) -> int:
    pointer = root / ".steadyhand" / "database"
    home = (
        Path(pointer.read_text(encoding="utf-8").strip()) if pointer.exists() else root / ".steadyhand" / "postgres"
    )
    return int((home / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peers", type=Path, help="virtual environment of the peers")
    parser.add_argument("--model", type=Path, help="folder of MiniLM for the peers")
    parser.add_argument("--script", type=Path, default=_SCRIPT)
    parser.add_argument("--documents", type=int, default=100)
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.inside:
        asyncio.run(_inside(chosen.inside, chosen.data, chosen.documents, chosen.questions))
    else:
        main(chosen)
