"""Finds credentials by the marks their issuers put on them. Source: the issuers' documentation of key formats."""

import re
from collections.abc import Iterator

from steadyhand.types.findings import Finding
from steadyhand.types.text import DataClass

RAISES_TO: DataClass = "restricted"

_PATTERN = re.compile(
    r"(?P<private_key>-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----)"
    r"|(?P<aws>\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)"
    r"|(?P<github>\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,90})\b)"
    r"|(?P<model_provider>\bsk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{20,200})"
    r"|(?P<slack>\bxox[abprs]-[A-Za-z0-9-]{10,100})"
    r"|(?P<google>\bAIza[A-Za-z0-9_-]{35}\b)"
    r"|(?P<steadyhand>\bsh_[A-Za-z0-9]{32,64}\b)"
    r"|(?P<jwt>\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000})"
    r"|(?P<url_password>\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{1,100}:[^\s:/@]{3,100}@)"
)

MARKS = (
    "PRIVATE KEY", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "sk-", "xox", "AIza",
    "sh_", "eyJ", "://",
)  # fmt: skip
"""One of these is in every credential that the pattern knows. Most texts have none, and looking for them first
makes the guardrail cheap enough for every request of the gateway."""


def find(text: str) -> Iterator[Finding]:
    """Yield the places of credentials; `kind` names the issuer, such as `secret.aws`."""
    for mark in MARKS:
        if mark in text:
            break
    else:
        return
    for match in _PATTERN.finditer(text):
        yield Finding(f"secret.{match.lastgroup}", match.start(), match.end())
