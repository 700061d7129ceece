"""Our errors in the vendors' words: what their clients turn into exceptions of their own.

Sources: the error pages of OpenAI's and Anthropic's API references, 2026-10.
"""

from dataclasses import dataclass

from steadyhand.errors import (
    AccessError,
    BudgetExceeded,
    InputTooLarge,
    InvalidInput,
    NoModel,
    NotFound,
    ParameterRefused,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    RateLimited,
    RunTimeout,
    SteadyhandError,
    Unauthenticated,
    UsageError,
)
from steadyhand.types.json import JsonObject


class UnknownAddress(NotFound):
    """Nothing is at this address below `/v1`."""


class WrongMethod(UsageError):
    """The address knows other methods."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What the vendors call an error. `openai_code` "" leaves our own code standing."""

    status: int
    openai_type: str
    openai_code: str
    anthropic_type: str


_INVALID = Fault(400, "invalid_request_error", "", "invalid_request_error")
_SLOW_DOWN = Fault(429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error")
_TOO_LATE = Fault(504, "server_error", "timeout", "timeout_error")

_FAULTS: tuple[tuple[type[SteadyhandError], Fault], ...] = (
    (Unauthenticated, Fault(401, "invalid_request_error", "invalid_api_key", "authentication_error")),
    (AccessError, Fault(403, "invalid_request_error", "insufficient_permissions", "permission_error")),
    (UnknownAddress, Fault(404, "invalid_request_error", "unknown_url", "not_found_error")),
    (NotFound, Fault(404, "invalid_request_error", "model_not_found", "not_found_error")),
    (WrongMethod, Fault(405, "invalid_request_error", "method_not_allowed", "invalid_request_error")),
    (InputTooLarge, Fault(413, "invalid_request_error", "request_too_large", "request_too_large")),
    (InvalidInput, _INVALID),
    (BudgetExceeded, Fault(429, "insufficient_quota", "insufficient_quota", "billing_error")),
    (RateLimited, _SLOW_DOWN),
    (ProviderRateLimited, _SLOW_DOWN),
    (ProviderTimeout, _TOO_LATE),
    (RunTimeout, _TOO_LATE),
    (NoModel, Fault(503, "server_error", "", "overloaded_error")),
)
"""The first row that fits counts."""

_REFUSED_FOR_THE_REQUEST = frozenset({400, 413, 422})


def fault(error: SteadyhandError) -> Fault:
    """What the vendors call this error."""
    if isinstance(error, ParameterRefused):
        return _INVALID
    if isinstance(error, ProviderRefused) and error.vendor_status in _REFUSED_FOR_THE_REQUEST:
        return _INVALID
    for kind, known in _FAULTS:
        if isinstance(error, kind):
            return known
    if error.status < 500:
        return Fault(error.status, "invalid_request_error", "", "invalid_request_error")
    return Fault(error.status, "server_error", "", "api_error")


def openai(error: SteadyhandError) -> JsonObject:
    """What stands in the field `error` of an answer."""
    known = fault(error)
    return {
        "message": _message(error),
        "type": known.openai_type,
        "param": None,
        "code": known.openai_code or error.code,
        "steadyhand": _ours(error),
    }


def anthropic(error: SteadyhandError) -> JsonObject:
    """The whole body of an error, and the data of the event `error`."""
    said: JsonObject = {
        "type": fault(error).anthropic_type,
        "message": _message(error),
        "steadyhand": _ours(error),
    }
    return {"type": "error", "error": said, "request_id": error.run_id or None}


def _message(error: SteadyhandError) -> str:
    """With the hint: vendors have no place for one, and this is what clients show."""
    return f"{error}. hint: {error.hint}" if error.hint else str(error)


def _ours(error: SteadyhandError) -> JsonObject:
    """The code that never changes, and the run."""
    return {"code": error.code, "hint": error.hint, "run_id": error.run_id}
