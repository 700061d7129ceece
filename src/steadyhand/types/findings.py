"""What a guardrail or a check has to say."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["block", "review", "note"]
"""What a failed check does: stop the output, ask a person, or leave a remark."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A guardrail saw something at `[start, end)` in code points of the segment named by `path`."""

    kind: str
    start: int
    end: int
    path: str = ""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The verdict of one check. `detail` says what was expected and found when `ok` is false."""

    id: str
    severity: Severity
    ok: bool
    detail: str = ""
