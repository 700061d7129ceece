"""What an HTTP status of a model vendor means, the same in every dialect."""

from collections.abc import Mapping

from steadyhand.errors import (
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)

_HINTS = {
    401: "check the provider's key: steadyhand doctor",
    402: "the account with the provider has no credit left",
    403: "the key may not use this model: steadyhand doctor",
    404: "check the model's name and the provider's base_url",
}


def failure(status: int, headers: Mapping[str, str], said: str) -> ProviderError:
    """The error for a status that is not 2xx. `said` is the vendor's own message; `headers` are in lower case."""
    message = f"expected an answer; found status {status}: {said or 'no message'}"
    if status == 408:
        return ProviderTimeout(message)
    if status == 429:
        return ProviderRateLimited(message, retry_after_s=_retry_after_s(headers))
    if status >= 500:
        return ProviderUnavailable(message)
    if status < 400:
        return ProviderRefused(message, hint="redirects are not followed: put the final address into base_url")
    return ProviderRefused(message, hint=_HINTS.get(status, ""), vendor_status=status)


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
