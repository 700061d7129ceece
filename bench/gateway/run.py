"""What the gateway costs for each request, beside nginx and a bare pass-through, on this machine in one run.

    python bench/gateway/run.py [--seconds 3] [--memory 200000]

A mock vendor answers at once, a closed loop asks. CPU is that of the whole process tree of each server, for the
gateway with its PostgreSQL; it is the figure to trust on a machine that does other things too. Latencies are for
comparing within one run. nginx is left out where it is not installed.
"""

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from urllib.error import URLError
from urllib.request import Request, urlopen

sys.path.insert(0, str(Path(__file__).parents[1]))

from load import load, request

from harness import finish, say

HERE = Path(__file__).parent
KEY = "sh_bench0000000000000000000000000000000000000000"
UPSTREAM, NGINX, BARE, GATEWAY = 9110, 9112, 9411, 9410
CELLS = (("json", 1), ("json", 16), ("json", 64), ("stream", 1), ("stream", 16))

_NGINX = """worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 2048; }}
http {{ access_log off; keepalive_requests 10000000; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream mock {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 10000000; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://mock; proxy_http_version 1.1;
    proxy_set_header Connection ""; proxy_buffering off; }} }} }}
"""


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server and all it starts, stopped afterwards."""
    process = subprocess.Popen(command, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


def tree(root: int) -> list[int]:
    """The process and all below it. Linux only."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat[stat.rindex(")") + 2 :].split()[1]), []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting += parents.get(found[-1], [])
    return found


def cpu_s(root: int) -> float:
    """Processor seconds of the tree so far."""
    ticks = 0
    for process in tree(root):
        try:
            stat = Path(f"/proc/{process}/stat").read_text()
        except OSError:
            continue
        ticks += sum(int(value) for value in stat[stat.rindex(")") + 2 :].split()[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def rss_mb(process: int) -> float:
    """Resident memory of one process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def wait_for(url: str) -> None:
    """Until the server answers a real request. Raises after a minute."""
    body = request(url, KEY, is_streamed=False).split(b"\r\n\r\n", 1)[1]
    headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
    for _ in range(600):
        try:
            with urlopen(Request(f"{url}/v1/chat/completions", body, headers), timeout=5) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
    raise SystemExit(f"{url} did not answer")


async def measured(url: str, root: int, seconds: float) -> dict[str, float]:
    figures: dict[str, float] = {}
    for kind, connections in CELLS:
        is_streamed = kind == "stream"
        await load(url, KEY, connections=connections, seconds=0.4, is_streamed=is_streamed)
        before_s = cpu_s(root)
        seen = await load(url, KEY, connections=connections, seconds=seconds, is_streamed=is_streamed)
        used_s, count = cpu_s(root) - before_s, len(seen.seconds)
        figures[f"{kind}_{connections}_cpu_us"] = round(used_s / count * 1e6, 1)
        figures[f"{kind}_{connections}_rps"] = round(count / seconds)
        figures[f"{kind}_{connections}_p50_ms"] = round(median(seen.seconds) * 1e3, 3)
        figures[f"{kind}_{connections}_p99_ms"] = round(quantiles(seen.seconds, n=100)[98] * 1e3, 3)
        figures["errors"] = figures.get("errors", 0) + seen.errors
    return figures


async def grown(url: str, process: int, count: int) -> dict[str, float]:
    """Resident memory of the gateway's own process before and after so many requests."""
    before_mb, asked = rss_mb(process), 0
    while asked < count:
        seen = await load(url, KEY, connections=16, seconds=2, is_streamed=False)
        asked += len(seen.seconds)
    return {"requests": asked, "before_mb": round(before_mb, 1), "grown_mb": round(rss_mb(process) - before_mb, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each figure")
    parser.add_argument("--memory", type=int, default=0, help="measure the growth over so many requests too")
    asked = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    upstream = f"http://127.0.0.1:{UPSTREAM}/v1"
    with tempfile.TemporaryDirectory() as folder, running(sys.executable, str(HERE / "upstream.py")):
        targets = {
            "bare": (BARE, [sys.executable, str(HERE / "bare.py"), "--upstream", upstream]),
            "steadyhand": (GATEWAY, [sys.executable, str(HERE / "serve.py"), "--upstream", upstream, "--key", KEY]),
        }
        nginx = shutil.which("nginx", path=f"{os.defpath}:/usr/sbin")
        if nginx:
            (Path(folder) / "conf").write_text(_NGINX.format(folder=folder, upstream=UPSTREAM, port=NGINX))
            targets = {"nginx": (NGINX, [nginx, "-c", f"{folder}/conf"]), **targets}
        for name, (port, command) in targets.items():
            url = f"http://127.0.0.1:{port}"
            with running(*command) as server:
                wait_for(url)
                found[name] = asyncio.run(measured(url, server.pid, asked.seconds))
                say(f"{name:12} {found[name]}")
                if name == "steadyhand" and asked.memory:
                    found["memory"] = asyncio.run(grown(url, server.pid, asked.memory))
    finish(found)


if __name__ == "__main__":
    main()
