"""What a role may do. Least privilege: an action that is not listed is refused."""

from typing import Literal

from steadyhand.types.run import Principal, RoleName

Action = Literal["call", "read", "ingest", "administer"]
"""Run features and search; read runs of everybody; change knowledge; make and revoke keys."""

_ALLOWED: dict[RoleName, frozenset[Action]] = {
    "admin": frozenset({"call", "read", "ingest", "administer"}),
    "caller": frozenset({"call"}),
    "reader": frozenset({"read"}),
}

ROLES: tuple[RoleName, ...] = tuple(_ALLOWED)


def may(principal: Principal, action: Action) -> bool:
    return action in _ALLOWED[principal.role]
