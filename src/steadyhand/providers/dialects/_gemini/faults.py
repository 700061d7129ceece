"""What Gemini and Vertex say when they do not answer, as our errors. Source: Google's error model (google.rpc)."""

import re
from collections.abc import Mapping

from steadyhand.errors import ProviderError
from steadyhand.providers.dialects._faults import error_of, failure, message_of, of_parameter

_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}

_PARAMETERS = {
    "response_format": re.compile(
        r"response.?mime.?type|response.?(json.?)?schema|response.?format|controlled generation|json mode",
        re.IGNORECASE,
    ),
    "thinking": re.compile(r"\bthinking|\bbudget\b", re.IGNORECASE),
}
"""Parameters that `encode` can do without, and how a refusal names them."""


def refused(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error for an answer whose status is not 2xx. Its body may be a list of one error."""
    return _failure(status, headers, error_of(body))


def raise_for_reply(error: object) -> None:
    """Raise what lies in the `error` field of a 2xx answer or of a chunk; nothing when there is none."""
    if not error:
        return
    said = error if isinstance(error, dict) else {"message": error}
    code = said.get("code")
    if not (isinstance(code, int) and 300 <= code < 600):
        code = _STATUS.get(str(said.get("status")), 503)
    raise _failure(code, {}, said)


def _failure(status: int, headers: Mapping[str, str], error: Mapping[str, object]) -> ProviderError:
    message = message_of(error)
    found = failure(status, {**_retry_after(error), **headers}, message)
    if status != 400:
        return found
    if "API_KEY_INVALID" in str(error.get("details")) or "API key not valid" in message:
        return failure(401, {}, message)
    return of_parameter(found, next((name for name, sign in _PARAMETERS.items() if sign.search(message)), ""))


def _retry_after(error: Mapping[str, object]) -> Mapping[str, str]:
    """The wait that the details ask for, such as `"retryDelay": "34.07s"`, as the header would say it."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str):
            return {"retry-after": delay.removesuffix("s")}
    return {}
