"""What Gemini and Vertex say when they do not answer, as our errors. Source: Google's error model (google.rpc)."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from steadyhand.errors import ParameterRefused, ProviderError, ProviderRefused
from steadyhand.providers.dialects._status import failure

_LONGEST = 500
"""Characters of a vendor's message that are passed on."""

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
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = body[:_LONGEST].decode(errors="replace")
    if isinstance(found, list) and found:
        found = found[0]
    inner = found.get("error", found) if isinstance(found, dict) else found
    return _failure(status, headers, inner if isinstance(inner, dict) else {"message": inner})


def raise_for_reply(error: object) -> None:
    """Raise what lies in the `error` field of a 2xx answer or of a chunk; nothing when there is none."""
    if not error:
        return
    said = error if isinstance(error, dict) else {"message": error}
    code = said.get("code")
    if not (isinstance(code, int) and 300 <= code < 600):
        code = _STATUS.get(str(said.get("status")), 503)
    raise _failure(code, {}, said)


def _failure(status: int, headers: Mapping[str, str], error: Mapping[str, Any]) -> ProviderError:
    message = _message(error)
    found = failure(status, {**_retry_after(error), **headers}, message)
    if status != 400:
        return found
    if "API_KEY_INVALID" in str(error.get("details")) or "API key not valid" in message:
        return ProviderRefused(str(found), hint="check the provider's key: steadyhand doctor")
    for name, pattern in _PARAMETERS.items():
        if pattern.search(message):
            return ParameterRefused(str(found), hint=found.hint, parameter=name)
    return found


def _message(error: Mapping[str, Any]) -> str:
    said = error.get("message") or error
    text = said if isinstance(said, str) else msgspec.json.encode(said).decode()
    return " ".join(text.split())[:_LONGEST]


def _retry_after(error: Mapping[str, Any]) -> Mapping[str, str]:
    """The wait that the details ask for, such as `"retryDelay": "34.07s"`, as the header would say it."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str):
            return {"retry-after": delay.removesuffix("s")}
    return {}
