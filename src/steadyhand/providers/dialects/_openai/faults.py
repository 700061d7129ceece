"""What vendors of the OpenAI dialect say when they do not answer, as our errors."""

import re
from collections.abc import Mapping

from steadyhand.errors import (
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
)
from steadyhand.providers.dialects._faults import (
    NO_CREDIT,
    error_of,
    failure,
    message_of,
    of_parameter,
    stopped,
)

_PARAMETERS = {
    "response_format": re.compile(
        r"response.?format|json.?schema|structured.?output|\btext\.format", re.IGNORECASE
    ),
    "stream_options": re.compile(r"stream_options"),
    "temperature": re.compile(r"\btemperature\b"),
    "top_p": re.compile(r"\btop_p\b"),
    "max_tokens": re.compile(r"\bmax_(completion_)?tokens\b"),
    "reasoning_effort": re.compile(r"\breasoning[._]effort\b"),
    "include": re.compile(r"^include\b|encrypted content is not supported", re.IGNORECASE),
    "reasoning": re.compile(
        r"reasoning_content|reasoning_?details?|messages\S*\.reasoning\b|'reasoning' is unsupported"
        r"|encrypted content .* could not be",
        re.IGNORECASE,
    ),
    "tool_call_id": re.compile(r"tool call id .* must be", re.IGNORECASE),
    "parallel_tool_calls": re.compile(r"\bparallel_tool_calls\b"),
    "seed": re.compile(r"^seed$|['\"`]seed['\"`]"),
    "user": re.compile(r"^user$|['\"`]user['\"`]: extra"),
    "safety_identifier": re.compile(r"\bsafety_identifier\b"),
    "prompt_cache_key": re.compile(r"\bprompt_cache_key\b"),
    "store": re.compile(r"^store$|['\"`]store['\"`]"),
}
"""What `encode` can do without, and how a refusal names it: parameters, the reasoning and the ids in messages."""


def refused(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error for an answer whose status is not 2xx."""
    error = error_of(body)
    message = message_of(error)
    if error.get("code") == "insufficient_quota" or error.get("type") == "insufficient_quota":
        return ProviderRefused(message, hint=NO_CREDIT, vendor_status=402)
    parameter = _named_parameter(str(error.get("param") or ""), message) if status in {400, 422} else ""
    return of_parameter(failure(status, headers, message), parameter)


def raise_for_reply(error: object) -> None:
    """Raise what lies in the `error` field of a 2xx answer or of a chunk; nothing when it is empty."""
    if error:
        raise _reported(error if isinstance(error, dict) else {"message": str(error)})


def _reported(error: Mapping[str, object]) -> ProviderError:
    """The error inside an answer; its code is a status with some vendors, a word with others."""
    message = message_of(error)
    for field in ("code", "status_code", "status"):
        status = error.get(field)
        if isinstance(status, int) and 300 <= status < 600:
            return failure(status, {}, message)
    words = f"{error.get('code')} {error.get('type')}"
    if "rate_limit" in words:
        return stopped(message, ProviderRateLimited)
    if any(sign in words for sign in ("invalid_", "insufficient_quota", "content_filter")):
        return stopped(message, ProviderRefused)
    return stopped(message)


def _named_parameter(param: str, message: str) -> str:
    """The parameter that the vendor names in `param`, else the first that its message mentions; "" for none."""
    for text in (param, message):
        for name, pattern in _PARAMETERS.items():
            if pattern.search(text):
                return name
    return ""
