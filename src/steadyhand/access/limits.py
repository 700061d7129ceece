"""Which limits hold for a call: the key's own or the usual ones, the end user's, and everybody's together."""

import hashlib
from collections.abc import Iterator
from decimal import Decimal

from steadyhand.settings import LimitSettings, LimitsSettings
from steadyhand.types.quota import Limit
from steadyhand.types.run import Principal

_NAME_MAX = 100  # characters of an end user's name
_REMEMBERED_MAX = 10_000  # callers in use at the same time, before all are looked up again


class Limits:
    """The same tuple again and again for the same caller, because every call of the gateway asks.

    The owner of the files, who needs no key, has only the limits of the workspace.
    """

    def __init__(self, settings: LimitsSettings) -> None:
        self._settings = settings
        self._known: dict[tuple[str, str], tuple[tuple[Limit, ...], tuple[Limit, ...]]] = {}

    def __call__(self, principal: Principal, end_user: str = "") -> tuple[Limit, ...]:
        """`end_user` is whom the caller says it acts for; every key has users of its own."""
        who = principal.key_id, _name(end_user)
        known = self._known.get(who)
        if known is not None and (known[0] is principal.limits or known[0] == principal.limits):
            return known[1]
        if len(self._known) >= _REMEMBERED_MAX:
            self._known.clear()
        limits = tuple(self._of(principal, who[1]))
        self._known[who] = (principal.limits, limits)
        return limits

    def _of(self, principal: Principal, end_user: str) -> Iterator[Limit]:
        if principal.key_id:
            own = {limit.unit for limit in principal.limits}
            usual = _listed(self._settings.key, f"key:{principal.key_id}")
            yield from principal.limits
            yield from (limit for limit in usual if limit.unit not in own)
            if end_user:
                yield from _listed(self._settings.user, f"user:{principal.key_id}/{end_user}")
        yield from _listed(self._settings.workspace, "workspace")


def _name(end_user: str) -> str:
    """A client may send anything; what no column or index would hold is known by its hash."""
    if not end_user or (len(end_user) <= _NAME_MAX and end_user.isprintable()):
        return end_user
    return hashlib.sha256(end_user.encode("utf-8", "replace")).hexdigest()


def _listed(table: LimitSettings, scope: str) -> tuple[Limit, ...]:
    return listed(scope, table.usd_per_day, table.requests_per_minute, table.tokens_per_minute)


def listed(
    scope: str, usd_per_day: Decimal | None, requests_per_minute: int | None, tokens_per_minute: int | None
) -> tuple[Limit, ...]:
    """What is said is a limit; what is None is not limited."""
    found: list[Limit] = []
    if usd_per_day is not None:
        found.append(Limit(scope, "usd", usd_per_day))
    if requests_per_minute is not None:
        found.append(Limit(scope, "requests", Decimal(requests_per_minute)))
    if tokens_per_minute is not None:
        found.append(Limit(scope, "tokens", Decimal(tokens_per_minute)))
    return tuple(found)
