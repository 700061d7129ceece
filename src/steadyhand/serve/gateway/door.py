"""The door of `/v1`, in front of the application: raw ASGI, because on this path a framework costs more than we do.

Nothing but a cancellation gets past it: every error is answered in the client's dialect, what surprises us with a
number under which the log tells more.
"""

import logging
import secrets
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from steadyhand.access.keys import SHOW_A_KEY
from steadyhand.access.roles import may
from steadyhand.errors import Forbidden, SteadyhandError, Unauthenticated
from steadyhand.pipeline.gateway.client import ClientDialect
from steadyhand.serve.access import Identities
from steadyhand.serve.gateway.connection import ClientLeft, Connection
from steadyhand.serve.gateway.dialects._faults import UnknownAddress, WrongMethod
from steadyhand.serve.gateway.endpoints import Desk
from steadyhand.serve.gateway.room import Room
from steadyhand.serve.gateway.routes import ROOT, GatewayRoute, find, spoken
from steadyhand.types.run import Principal

_log = logging.getLogger(__name__)

_BELOW = f"{ROOT}/"


class Door:
    """Takes what is below `/v1` and leaves the rest to `app`."""

    def __init__(self, app: ASGIApp, identities: Identities, desk: Desk, room: Room | None = None) -> None:
        self._app = app
        self._identities = identities
        self._desk = desk
        self._room = room or Room()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_BELOW):
            await self._app(scope, receive, send)
            return
        connection = Connection(scope, receive, send, self._room)
        route = find(connection.path)
        dialect = route.dialect if route else spoken(connection.path, by_anthropic=connection.speaks_anthropic)
        try:
            await self._answer(connection, route, dialect)
        except ClientLeft:
            return
        except SteadyhandError as error:
            await _fail(connection, dialect, error, route)
        except Exception as error:  # noqa: BLE001 - the last place before the network
            await _fail(connection, dialect, _surprise(connection, error), route)
        finally:
            connection.done()

    async def _answer(self, connection: Connection, route: GatewayRoute | None, dialect: ClientDialect) -> None:
        caller = await self._caller(connection)
        if route is None:
            raise UnknownAddress(
                f"expected an address of the gateway; found {connection.path!r}",
                hint="docs/reference/http.md lists them",
            )
        if connection.method != route.method:
            raise WrongMethod(f"expected {route.method} {route.path}; found {connection.method}")
        _check(caller, route)
        await route.endpoint(self._desk, connection, caller, dialect)

    async def _caller(self, connection: Connection) -> Principal:
        """Raises `Unauthenticated`."""
        if connection.key is None:
            raise Unauthenticated("expected a key; found none", hint=SHOW_A_KEY)
        return await self._identities.of_key(connection.key)


def _check(caller: Principal, route: GatewayRoute) -> None:
    for action in route.needs:
        if may(caller, action):
            return
    raise Forbidden(
        f"expected a key that may {' or '.join(route.needs)}; {caller.name!r} has the role {caller.role}",
        hint="ask for a key of another role: steadyhand keys create NAME --role ROLE",
    )


def _surprise(connection: Connection, error: Exception) -> SteadyhandError:
    """What the client hears of a defect of ours. The log has its story."""
    number = secrets.token_hex(6)
    _log.error("request %s: %s %r broke", number, connection.method, connection.path, exc_info=error)
    return SteadyhandError("something broke on our side", hint=f"the server's log tells more under {number}")


async def _fail(
    connection: Connection, dialect: ClientDialect, error: SteadyhandError, route: GatewayRoute | None
) -> None:
    """Answer with the error; behind the first byte of a stream as its last event."""
    if connection.has_started:
        writer = dialect.Writer(model="", run_id=error.run_id, created=int(time.time()), wants_usage=False)
        await connection.end(writer.fail(error))
        return
    allow = route.method if route is not None and isinstance(error, WrongMethod) else ""
    await connection.send_error(dialect.status(error), dialect.failure(error), error, allow)
