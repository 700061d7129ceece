"""Starting and stopping the server."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, create_subprocess_exec

import aiohttp
import pytest
from served_site import Site

from openai_server import slow
from steadyhand.errors import UsageError
from steadyhand.serve.http import _listening, serve

PROGRAM = """
import asyncio, sys
from steadyhand.serve.http import serve
from steadyhand.workspace import AsyncWorkspace

async def main():
    async with await AsyncWorkspace.open(sys.argv[1]) as workspace:
        await serve(workspace, "127.0.0.1", 0, lambda address: print(address, flush=True))
    print("closed", flush=True)

asyncio.run(main())
"""


async def test_a_port_that_is_taken_gives_one_clear_error(site: Site) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(UsageError, match="Address already in use") as raised,
    ):
        await serve(site.workspace, "127.0.0.1", other.getsockname()[1], print)
    assert "--port 0" in raised.value.hint


async def test_a_host_that_is_not_here_gives_one_clear_error(site: Site) -> None:
    with pytest.raises(UsageError, match="expected to listen on nowhere"):
        await serve(site.workspace, "nowhere.invalid", 0, print)


@pytest.mark.parametrize(("host", "shown"), [("0.0.0.0", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
async def test_the_address_that_is_told_can_be_opened(site: Site, host: str, shown: str) -> None:
    if ":" in host and not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    served = asyncio.create_task(serve(site.workspace, host, 0, ready.set_result))
    address = await ready
    assert address.startswith(shown)
    async with site.http.get(address + "/healthz") as answer:
        assert answer.status == 200
    served.cancel()
    with pytest.raises(asyncio.CancelledError):
        await served


async def test_small_answers_do_not_wait_for_acknowledgements() -> None:
    sent_at_once: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        sent_at_once.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listener = _listening("127.0.0.1", 0)
    async with await asyncio.start_server(accepted, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        assert await sent_at_once
        writer.close()


def hear_ctrl_c() -> None:
    """A shell has its background jobs ignore Ctrl-C, and what a job starts inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_the_run_under_way_finish_and_closes_the_workspace(
    site: Site, number: signal.Signals
) -> None:
    site.model.replies[:] = [slow(0.5, json.dumps({"queue": "support"}))]
    process = await create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(site.root), stdout=PIPE, env=os.environ, preexec_fn=hear_ctrl_c
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    async with aiohttp.ClientSession(headers=site.bearer()) as client:
        run = asyncio.create_task(client.post(url + "/features/sorter", json={"subject": "x"}))
        await asyncio.sleep(0.2)
        began = time.monotonic()
        process.send_signal(number)
        answer = await run
        assert answer.status == 200
        assert (await answer.json())["status"] == "answered"
    assert (await process.stdout.readline()).decode().strip() == "closed"
    assert await process.wait() == 0
    assert time.monotonic() - began < 5


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
