"""What routes ask of a request: the workspace, who calls, and a JSON body that holds no surprises."""

import json
import math
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, NoReturn, cast

from fastapi import Depends, Path, Query, Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from pydantic import Field

from steadyhand.checks.schema import is_json
from steadyhand.errors import InputNotJson, InvalidInput
from steadyhand.hints import did_you_mean
from steadyhand.knowledge.index import filters
from steadyhand.types.condition import Condition
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.run import Principal
from steadyhand.workspace import AsyncWorkspace

_MAX_DEPTH = 64  # of objects and lists inside each other: more is an attack on whoever reads it next
_MAX_OFFSET = 2**31 - 1
_KINDS = {str: "a text", int: "a number", float: "a number", bool: "true or false", list: "a list"}


async def workspace_of(request: Request) -> AsyncWorkspace:
    return cast("AsyncWorkspace", request.app.state.workspace)


async def principal_of(request: Request) -> Principal:
    return cast("Principal", request.state.principal)


async def body_of(request: Request) -> JsonObject:
    """The JSON object of the body. Raises `InputNotJson` or `InvalidInput`."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise InputNotJson(
            f"expected a body of application/json; found {media_type or 'no content type'}",
            hint="send the header Content-Type: application/json",
        )
    return json_object(await request.body())


async def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


async def refuse_unknown(request: Request) -> None:
    """Raise `InvalidInput` for a parameter that the route does not have: a misspelt filter lets all through."""
    route = request.scope.get("route")
    assert isinstance(route, APIRoute)
    known = [field.alias for field in get_flat_params(route.dependant)]
    for name in request.query_params:
        if name not in known:
            options = ", ".join(option for option in known if option not in request.path_params)
            raise InvalidInput(
                f"expected parameters among {options or 'none'}; found {name[:80]!r}",
                hint=did_you_mean(name[:80], known) or "GET /docs shows the parameters",
            )


async def conditions_of(
    filter_: Annotated[
        str, Query(alias="filter", max_length=10_000, description="conditions on metadata, as a JSON object")
    ] = "",
) -> tuple[Condition, ...]:
    """Raises `InvalidInput`, which says how conditions are written."""
    return filters.parse(_parameter("filter", filter_, '{"department": "hr", "year": {"gte": 2024}}'))


async def metadata_of(
    metadata: Annotated[str, Query(max_length=10_000, description="a JSON object")] = "",
) -> JsonObject:
    """Raises `InvalidInput`."""
    return _parameter("metadata", metadata, '{"department": "hr", "review_by": "2027-01-31"}')


Opened = Annotated[AsyncWorkspace, Depends(workspace_of)]
Caller = Annotated[Principal, Depends(principal_of)]
Now = Annotated[datetime, Depends(now)]
Body = Annotated[JsonObject, Depends(body_of)]
BaseName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=100)]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
Offset = Annotated[int | None, Query(ge=0, le=_MAX_OFFSET)]
VersionId = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
Conditions = Annotated[tuple[Condition, ...], Depends(conditions_of)]
Metadata = Annotated[JsonObject, Depends(metadata_of)]
Labels = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]] | None, Query(max_length=50)]
Limit = Annotated[int, Query(ge=1, le=500)]


def json_object(content: bytes) -> JsonObject:
    """A JSON object of whole characters, finite numbers and unrepeated names. Raises `InvalidInput`."""
    try:
        value: Json = json.loads(
            content.decode(), object_pairs_hook=_object, parse_constant=_not_a_number, parse_float=_finite
        )
    except RecursionError:
        _refuse(f"it is nested deeper than {_MAX_DEPTH}")
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        _refuse(str(error))
    except ValueError:
        _refuse("a number in it is too long")
    if not isinstance(value, dict):
        _refuse(f"it is {_KINDS.get(type(value), 'null')}")
    _check_depth(value)
    if b"\\u" in content and not is_json(value):
        _refuse("it holds half of a surrogate pair")
    return value


def _parameter(name: str, text: str, example: str) -> JsonObject:
    """The JSON object of a parameter; {} when it is not given."""
    try:
        found = json_object(text.encode("utf-8", "replace")) if text else {}
        if "\\u0000" in text:
            _refuse("it holds a NUL character")
    except InvalidInput as error:
        raise InvalidInput(f"{name}: {error}", hint=f"write {name}={example}") from None
    return found


def _object(pairs: list[tuple[str, Json]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        _refuse(f"{name!r} is in it twice")
    return found


def _not_a_number(constant: str) -> NoReturn:
    _refuse(f"{constant} is no JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        _refuse(f"{digits[:20]} is too large")
    return value


def _check_depth(value: Json) -> None:
    level: list[Json] = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            item
            for parent in level
            if isinstance(parent, (dict, list))
            for item in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return
    _refuse(f"it is nested deeper than {_MAX_DEPTH}")


def _refuse(reason: str) -> NoReturn:
    raise InvalidInput(f"expected one JSON object; {reason}", hint="GET /docs shows what a feature takes")
