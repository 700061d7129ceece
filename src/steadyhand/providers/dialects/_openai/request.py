"""Parts of a request that OpenAI's two dialects share."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from urllib.parse import urlsplit

import msgspec

from steadyhand.providers.dialects._fields import given
from steadyhand.providers.dialects._openai.strict import strict
from steadyhand.providers.dialects._wire import key_header
from steadyhand.providers.ports import WireRequest
from steadyhand.types.json import Json, JsonObject, JsonSchema
from steadyhand.types.message import Tool
from steadyhand.types.model import CompletionRequest, Model, Provider

_OPENAI_HOSTS = ("openai.com", "openai.azure.com")


def authorize(provider: Provider, wire: WireRequest, key: str, now: datetime) -> Mapping[str, str]:
    """The header that carries the key; Azure calls it `api-key`."""
    del wire, now
    return key_header(provider, key)


def shape(request: CompletionRequest, schema: JsonSchema) -> JsonObject:
    """The name and the schema of an answer, strict where strict mode can say it."""
    held = strict(schema)
    return {"name": request.output_name, "strict": held is not None, "schema": held or dict(schema)}


def function(tool: Tool) -> JsonObject:
    """A tool as a function; strict only where it was asked for and can be."""
    held = strict(tool.parameters) if tool.is_strict else None
    out: JsonObject = {"name": tool.name, "parameters": held or dict(tool.parameters)}
    if tool.description:
        out["description"] = tool.description
    if held is not None:
        out["strict"] = True
    return out


def for_openai(request: CompletionRequest, model: Model, stable: list[Json]) -> JsonObject:
    """Parameters that OpenAI's own servers know by other names, or alone.

    OpenAI caches prompts by itself. A `prompt_cache_key` sends the calls that share their first messages, `stable`
    on the wire, to the machine that has them; it is a hash of these, so that it tells nobody anything.
    """
    if not _is_openai(model.provider.base_url):
        return given(user=request.user)
    key = sha256(msgspec.json.encode(stable)).hexdigest()[:32] if stable else ""
    return given(safety_identifier=request.user, prompt_cache_key=key)


@cache
def _is_openai(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    return any(host == known or host.endswith(f".{known}") for known in _OPENAI_HOSTS)
