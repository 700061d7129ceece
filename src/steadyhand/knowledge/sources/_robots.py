"""What a robots.txt lets us read. Source: RFC 9309; `Crawl-delay` and `Sitemap` as they are in common use."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

_MOST_BYTES = 500 * 2**10  # RFC 9309, section 2.5
_MOST_RULES = 10_000
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")

_Field: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Robots:
    """`rules` are (pattern, is_allowed); `delay_s` is between two requests."""

    rules: tuple[tuple[str, bool], ...] = ()
    delay_s: float = 0.0
    sitemaps: tuple[str, ...] = ()

    def allows(self, target: str) -> bool:
        """May the path with its query be read? The longest pattern decides, and of equals the one that allows."""
        if target == "/robots.txt":
            return True
        folded = _folded(target)
        found = [(len(pattern), allowed) for pattern, allowed in self.rules if _fits(pattern, folded)]
        return max(found, default=(0, True))[1]


def parsed(content: bytes, agent: str) -> Robots:
    """The rules for `agent`, else those for everybody. Lines that mean nothing are left out."""
    text = content[:_MOST_BYTES].decode("utf-8-sig", errors="replace")
    fields = [field for line in re.split(r"[\r\n]+", text) if (field := _field(line))]
    groups = list(_groups(fields))
    own = [rules for agents, rules in groups if agent.lower() in agents]
    mine = [field for rules in own or [rules for agents, rules in groups if "*" in agents] for field in rules]
    rules = [(_folded(value), name == "allow") for name, value in mine if name != "crawl-delay" and value]
    return Robots(
        rules=tuple(rules[:_MOST_RULES]),
        delay_s=max(map(_seconds, (value for name, value in mine if name == "crawl-delay")), default=0.0),
        sitemaps=tuple(dict.fromkeys(value for name, value in fields if name == "sitemap" and value)),
    )


def _field(line: str) -> _Field | None:
    name, colon, value = line.partition("#")[0].partition(":")
    return (name.strip().lower(), value.strip()) if colon else None


def _groups(fields: Iterable[_Field]) -> Iterator[tuple[set[str], list[_Field]]]:
    """Agents in lower case with the rules that follow them. Agents in a row share their rules."""
    agents: set[str] = set()
    rules: list[_Field] = []
    has_begun = False  # a rule was seen behind the agents
    for name, value in fields:
        if name == "user-agent":
            if has_begun:
                yield agents, rules
                agents, rules, has_begun = set(), [], False
            agents.add(_product(value))
        elif name in ("allow", "disallow", "crawl-delay"):
            has_begun = True
            if agents:
                rules.append((name, value))
    yield agents, rules


def _product(agent: str) -> str:
    """`Steadyhand/1.0 (+https://…)` is `steadyhand`."""
    found = re.match(r"\*|[A-Za-z_-]+", agent)
    return found[0].lower() if found else ""


def _folded(target: str) -> str:
    """The same for every way to write it: escapes in capitals, other bytes escaped."""
    escaped = "".join(
        char if char.isascii() else "".join(f"%{byte:02X}" for byte in char.encode()) for char in target
    )
    return _ESCAPE.sub(lambda found: _unreserved(found[0]), escaped)


def _unreserved(escape: str) -> str:
    char = chr(int(escape[1:], 16))
    return char if char.isascii() and (char.isalnum() or char in "-._~") else escape.upper()


def _fits(pattern: str, target: str) -> bool:
    """Without regular expressions, which many `*` would make slow: each part is looked for behind the last."""
    is_anchored = pattern.endswith("$")
    first, *parts = pattern.removesuffix("$").split("*")
    if not target.startswith(first):
        return False
    at = len(first)
    for number, part in enumerate(parts, start=1):
        if is_anchored and number == len(parts):
            return len(target) - len(part) >= at and target.endswith(part)
        found = target.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return not is_anchored or at == len(target)


def _seconds(value: str) -> float:
    try:
        found = float(value)
    except ValueError:
        return 0.0
    return found if 0 <= found < float("inf") else 0.0
