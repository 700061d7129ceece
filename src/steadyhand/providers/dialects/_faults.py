"""What a model vendor says when it does not answer, as our errors: the part that is the same in every dialect."""

from collections.abc import Mapping

import msgspec

from steadyhand.errors import (
    ParameterRefused,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from steadyhand.providers.dialects._reading import UNREADABLE

_LONGEST = 500
"""Characters of a vendor's message that are passed on; some echo the whole prompt."""

NO_CREDIT = "the account with the provider has no credit left"

_TROUBLE = "the provider is in trouble; try again later, or name a second model"

_HINTS = {
    401: "check the provider's key: steadyhand doctor",
    402: NO_CREDIT,
    403: "the key may not use this model: steadyhand doctor",
    404: "check the model's name and the provider's base_url",
}


def failure(status: int, headers: Mapping[str, str], said: str) -> ProviderError:
    """The error for a status that is not 2xx. `said` is the vendor's own message; `headers` are in lower case."""
    message = f"expected an answer; found status {status}: {said or 'no message'}"
    if status == 408:
        return ProviderTimeout(message)
    if status == 429:
        wait_s = _retry_after_s(headers)
        hint = "ask less often, or name a second model" if wait_s is None else f"try again in {wait_s:g} s"
        return ProviderRateLimited(message, hint=hint, retry_after_s=wait_s)
    if status >= 500:
        return ProviderUnavailable(message, hint=_TROUBLE)
    if status < 400:
        return ProviderRefused(message, hint="redirects are not followed: put the final address into base_url")
    return ProviderRefused(message, hint=_HINTS.get(status, ""), vendor_status=status)


def error_of(body: bytes) -> dict[str, object]:
    """The error object of a body, which may lie in a list; a body that is none becomes its message."""
    try:
        found = msgspec.json.decode(body)
    except UNREADABLE:
        found = body[:_LONGEST].decode(errors="replace")
    if isinstance(found, list) and found:
        found = found[0]
    inner = found.get("error", found) if isinstance(found, dict) else found
    if isinstance(inner, dict):
        return inner
    return {"message": inner} if inner else {}


def message_of(error: object) -> str:
    """What the vendor says in an error, on one line; all of the error where it has no words for it."""
    said = error
    if isinstance(error, Mapping):
        said = next((error[name] for name in ("message", "Message", "detail") if error.get(name)), error) or ""
    try:
        text = said if isinstance(said, str) else msgspec.json.encode(said).decode()
    except RecursionError:
        text = "something that is nested without end"
    return " ".join(text.split())[:_LONGEST]


def of_parameter(found: ProviderError, parameter: str) -> ProviderError:
    """The failure as one of a parameter that the request can do without; as it is where `parameter` is ""."""
    if not parameter:
        return found
    status = found.vendor_status if isinstance(found, ProviderRefused) else 0
    return ParameterRefused(str(found), hint=found.hint, vendor_status=status, parameter=parameter)


def stopped(message: str, kind: type[ProviderError] = ProviderUnavailable) -> ProviderError:
    """The error for what a vendor says in place of an answer that it had begun, or promised with its status."""
    return kind(f"expected an answer; the provider stopped with: {message}")


def broken_off(length: int) -> ProviderError:
    """The error for an answer whose end never came, after so many characters of text."""
    return ProviderUnavailable(f"expected the end of the answer; it broke off after {length} characters")


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds from `retry-after-ms` or `retry-after`; a date, which needs a clock, counts as not said."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit_s
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return None
