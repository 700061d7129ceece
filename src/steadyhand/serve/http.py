"""The HTTP server: one application for the API and the console, and how it starts and stops."""

import asyncio
import gc
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from steadyhand import __version__
from steadyhand.errors import UsageError
from steadyhand.serve import faults, routes
from steadyhand.serve.access import Gate, Identities
from steadyhand.serve.api.stream import Running
from steadyhand.serve.edge import Edge
from steadyhand.serve.gateway.door import Door
from steadyhand.serve.gateway.endpoints import Desk
from steadyhand.serve.gateway.features import FeatureModels
from steadyhand.serve.joined import JoinedProtocol
from steadyhand.workspace import AsyncWorkspace

_STOP_S = 5  # how long requests under way may take to finish after the signal to stop
_IDLE_S = 75  # longer than clients keep a quiet connection, so that none is closed under a request
_UPLOADS = 4  # files in memory at once
_BACKLOG = 2048  # connections that may wait for their turn


def create_app(workspace: AsyncWorkspace) -> FastAPI:
    """The application. Raises when a route says not who may use it."""
    identities = Identities(workspace.keys, workspace.sessions, time.monotonic)
    app = FastAPI(
        title="Steadyhand",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        middleware=[
            Middleware(Edge),
            Middleware(Gate, identities=identities, is_open=routes.is_open),
        ],
        exception_handlers={HTTPException: faults.framework, RequestValidationError: faults.invalid},
    )
    app.state.workspace = workspace
    app.state.identities = identities
    app.state.running = set()
    app.state.uploading = asyncio.Semaphore(_UPLOADS)
    routes.install(app)
    return app


def create_site(workspace: AsyncWorkspace) -> Door:
    """Everything that is served: the gateway's door with the application behind it."""
    app = create_app(workspace)
    pages = ProxyHeadersMiddleware(cast("Any", app), trusted_hosts="127.0.0.1")
    return Door(cast("ASGIApp", pages), app.state.identities, Desk(workspace.gateway, FeatureModels(workspace)))


async def serve(workspace: AsyncWorkspace, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM, SIGINT, SIGHUP or a cancellation, then let what is under way finish, for 5 s at most.

    Jobs are done beside. Port 0 takes a free one; `on_ready` hears the address when it can be opened. Runs in the
    caller's event loop, which is best uvloop's. Raises `UsageError` when nothing can listen there.
    """
    with _listening(host, port) as listener:
        address = _address(host, listener)
        server = _Server(
            uvicorn.Config(
                create_site(workspace),
                http=JoinedProtocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_IDLE_S,
                timeout_graceful_shutdown=_STOP_S,
            ),
            on_ready=lambda: on_ready(address),
        )
        _settle_memory()
        workspace.jobs.start()
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await serving
            raise


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Runs whose callers went away still end and are recorded before the workspace closes."""
    yield
    running: Running = app.state.running
    if running:
        await asyncio.wait(running, timeout=_STOP_S)


def _settle_memory() -> None:
    """Leave what is loaded by now out of the search for garbage, and search less often.

    Under load the search took a fifth of the processor time: it went again and again through modules and routes
    that live as long as the process, and through calls that wait for their rows.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


class _Server(uvicorn.Server):
    """Says when it listens, and leaves the process to its caller when it has stopped."""

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal, and do not raise it again: that would end the process before the workspace closes."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _stop_signals()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _stop_signals() -> list[signal.Signals]:
    """Ctrl-C, SIGTERM and a closed terminal, unless `nohup` or a shell wants them ignored."""
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return [number for number in wanted if signal.getsignal(number) != signal.SIG_IGN]


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises `UsageError` with what to do.

    It is made for TCP by name: only on such a socket does the event loop send small answers at once. Otherwise they
    wait 40 ms for the other side's acknowledgement.
    """
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.create_server(place[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise UsageError(
            f"expected to listen on {host} port {port}; {error.strerror or error}",
            hint="stop what listens there, or take another port: --port 0 takes a free one",
        ) from None
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=bound.detach())


def _address(host: str, listener: socket.socket) -> str:
    """What to open in a browser. A server that listens everywhere is also here."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - nothing is bound
    return f"http://{f'[{here}]' if ':' in here else here}:{listener.getsockname()[1]}"
