"""What Anthropic says when it does not answer, as our errors. Source: Anthropic's API reference, 2026-10."""

import re
from collections.abc import Mapping

from steadyhand.errors import ProviderError, ProviderRefused
from steadyhand.providers.dialects._faults import NO_CREDIT, error_of, failure, message_of, of_parameter

_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}

_PARAMETERS = (
    ("thinking", r"adaptive thinking is not|not support (extended )?thinking|thinking may not be"),
    ("thinking", r"thinking\.type\.disabled|thinking: extra inputs"),
    ("budget_tokens", r"thinking\.type\.enabled|budget_tokens"),
    ("effort", r"\beffort\b"),
    ("strict", r"\bstrict\b"),
    ("output_format", r"output_config|output.format|structured.output|compiled grammar|schema is too complex"),
    ("tool_choice", r"\btool_choice\b"),
    ("top_p", r"\btop_p\b"),
    ("temperature", r"\btemperature\b"),
    ("cache_control", r"\bcache_control\b"),
    ("metadata", r"\bmetadata\b"),
)
"""Parameters that a request can do without, and how a refusal names them; the first that fits counts."""

_refusals = [(name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _PARAMETERS]


def refused(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error for an answer whose status is not 2xx."""
    message = message_of(error_of(body))
    if status == 400 and "credit balance" in message:
        return ProviderRefused(message, hint=NO_CREDIT, vendor_status=402)
    return of_parameter(failure(status, headers, message), refused_parameter(message) if status == 400 else "")


def refused_parameter(message: str) -> str:
    """The parameter that the message refuses; "" when it is none that a request can do without."""
    return next((name for name, pattern in _refusals if pattern.search(message)), "")


def reported(error: object) -> ProviderError:
    """The error that came inside an answer of status 200."""
    kind = error.get("type") if isinstance(error, dict) else None
    return failure(_STATUS.get(str(kind), 500), {}, message_of(error))
