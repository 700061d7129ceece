"""Every address of the gateway with who may use it: one table, as in `serve/routes.py`, for the door in front."""

from dataclasses import dataclass
from typing import Literal, cast

from steadyhand import plugins
from steadyhand.access.roles import Action
from steadyhand.pipeline.gateway.client import ClientDialect
from steadyhand.serve.gateway import endpoints
from steadyhand.serve.gateway.endpoints import Endpoint

ROOT = "/v1"
_FOLDER = "serve.gateway.dialects"


@dataclass(frozen=True, slots=True)
class GatewayRoute:
    """`dialect` is what is spoken there, errors included. A path that ends in `{id}` stands for all below it."""

    method: Literal["GET", "POST"]
    path: str
    endpoint: Endpoint
    needs: tuple[Action, ...]
    dialect: ClientDialect


DIALECTS: dict[str, ClientDialect] = {
    name: cast("ClientDialect", plugins.load(_FOLDER, name)) for name in plugins.names(_FOLDER)
}
"""By name, found by file."""

_OPENAI, _ANTHROPIC = DIALECTS["openai"], DIALECTS["anthropic"]

ROUTES: tuple[GatewayRoute, ...] = (
    *(
        GatewayRoute("POST", ROOT + dialect.PATH, endpoints.converse, ("call",), dialect)
        for dialect in DIALECTS.values()
    ),
    GatewayRoute("POST", f"{ROOT}/messages/count_tokens", endpoints.count_tokens, ("call",), _ANTHROPIC),
    GatewayRoute("POST", f"{ROOT}/embeddings", endpoints.embed, ("call",), _OPENAI),
    GatewayRoute("GET", f"{ROOT}/models", endpoints.list_models, ("call",), _OPENAI),
    GatewayRoute("GET", f"{ROOT}/models/{{id}}", endpoints.show_model, ("call",), _OPENAI),
)


def find(path: str) -> GatewayRoute | None:
    """Who is at home at this address."""
    found = _BY_PATH.get(path)
    if found is None and path.startswith(_BELOW) and len(path) > len(_BELOW):
        return _BY_PATH[f"{_BELOW}{{id}}"]
    return found


def spoken(path: str, *, by_anthropic: bool) -> ClientDialect:
    """The dialect in which an unknown address below `/v1` is refused."""
    return _ANTHROPIC if by_anthropic or path.startswith(ROOT + _ANTHROPIC.PATH) else _OPENAI


_BY_PATH = {route.path: route for route in ROUTES}
_BELOW = f"{ROOT}/models/"
