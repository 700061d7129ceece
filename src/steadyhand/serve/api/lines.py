"""Long work told while it happens: a JSON line for each step, and one that says how it ended."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi.responses import Response, StreamingResponse

from steadyhand.errors import SteadyhandError
from steadyhand.types.wire import error_json, plain


async def lines(steps: AsyncIterator[object], finish: Callable[[], Awaitable[object]]) -> Response:
    """The steps as they come, then what `finish` gives as `finished`; or an `error` as the last line.

    What is wrong with the request is raised before the stream begins: the first step is waited for.
    """
    first = await anext(steps, None)
    return StreamingResponse(_lines(first, steps, finish), media_type="application/x-ndjson")


async def _lines(
    step: object, later: AsyncIterator[object], finish: Callable[[], Awaitable[object]]
) -> AsyncIterator[bytes]:
    try:
        while step is not None:
            yield _line(plain(step))
            step = await anext(later, None)
        yield _line({"finished": plain(await finish())})
    except SteadyhandError as error:
        yield _line(error_json(error.code, str(error), hint=error.hint))


def _line(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode() + b"\n"
