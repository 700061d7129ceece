"""How a run's end becomes an answer of HTTP."""

import math
from datetime import datetime

from fastapi.responses import JSONResponse, Response

from steadyhand.errors import RateLimited, SteadyhandError, of_code
from steadyhand.types.json import JsonObject
from steadyhand.types.quota import WINDOW_S
from steadyhand.types.run import Answer
from steadyhand.types.wire import answer_json, error_json


def answer_response(answer: Answer, now: datetime) -> Response:
    """200 with the answer, 202 when a person has to decide first, else the status of what went wrong."""
    if answer.status == "review":
        status = 202
    elif answer.is_good:
        status = 200
    else:
        status = failure_status(answer)
    body = answer_json(answer) if status < 300 else failure_json(answer)
    headers: dict[str, str] = {"X-Run-Id": answer.run_id}
    if answer.error is not None and answer.error.code == RateLimited.code:
        headers["Retry-After"] = str(_left_of_the_minute_s(now))
    return JSONResponse(body, status, headers=headers)


def failure_json(answer: Answer) -> JsonObject:
    failure = answer.error
    if failure is None:
        return error_json(SteadyhandError.code, f"the run {answer.status}", run_id=answer.run_id)
    return error_json(failure.code, failure.message, hint=failure.hint, run_id=answer.run_id)


def failure_status(answer: Answer) -> int:
    kind = of_code(answer.error.code) if answer.error else None
    if kind is not None:
        return kind.status
    return 422 if answer.status == "refused" else 500


def _left_of_the_minute_s(now: datetime) -> int:
    """Seconds until the next window of requests and tokens begins. A run's failure does not carry them."""
    window_s = WINDOW_S["requests"]
    return math.ceil(window_s - now.timestamp() % window_s)
