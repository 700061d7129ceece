"""What Bedrock says when it does not answer, as our errors. Source: Amazon Bedrock's API reference, 2026-10."""

import re
from collections.abc import Mapping

from steadyhand.errors import ProviderError, ProviderUnavailable
from steadyhand.providers.dialects._anthropic.faults import refused_parameter
from steadyhand.providers.dialects._faults import error_of, failure, message_of, of_parameter

_STATUS = {
    "validationException": 400,
    "accessDeniedException": 403,
    "resourceNotFoundException": 404,
    "modelTimeoutException": 408,
    "modelErrorException": 424,
    "modelStreamErrorException": 424,
    "modelNotReadyException": 429,
    "throttlingException": 429,
    "internalServerException": 500,
    "serviceUnavailableException": 503,
}

_PARAMETERS = {
    "toolChoice": re.compile(r"toolChoice|tool_choice"),
    "tools": re.compile(r"support tool use|toolConfig"),
    "cachePoint": re.compile(r"cachePoint|prompt caching|cache_control", re.IGNORECASE),
    "topP": re.compile(r"\btop_?p\b", re.IGNORECASE),
    "temperature": re.compile(r"\btemperature\b", re.IGNORECASE),
    "stopSequences": re.compile(r"stop_?sequences", re.IGNORECASE),
    "maxTokens": re.compile(r"support the maxTokens"),
}
"""Parameters that a request can do without, and how a refusal names them; the first that fits counts."""

_OF_THINKING = {"thinking", "budget_tokens", "effort"}  # which Anthropic's models refuse in Anthropic's words


def refused(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error for an answer whose status is not 2xx."""
    return _fault(status, headers, message_of(error_of(body)))


def reported(kind: str, payload: bytes) -> ProviderError:
    """The error that came inside a stream as an exception of this kind."""
    return _fault(_STATUS.get(kind, 500), {}, message_of(error_of(payload)) or kind)


def _fault(status: int, headers: Mapping[str, str], message: str) -> ProviderError:
    if status == 424:
        return ProviderUnavailable(f"expected an answer; the model behind Bedrock failed: {message}")
    return of_parameter(failure(status, headers, message), _refused_parameter(message) if status == 400 else "")


def _refused_parameter(message: str) -> str:
    if (thinking := refused_parameter(message)) in _OF_THINKING:
        return thinking
    return next((name for name, pattern in _PARAMETERS.items() if pattern.search(message)), "")
