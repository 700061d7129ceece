"""Signs requests to Amazon: Signature Version 4. Source: AWS's guide to signing requests, 2026-10.

Every path but those of S3 is encoded twice: once as it is sent, once more as it is signed.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What AWS calls access key, secret key and session token; the last only where they are temporary."""

    key_id: str
    secret: str
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What is signed: a request without a query. `headers` are signed all of them."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


def signature(
    request: Signed, credentials: Credentials, *, region: str, service: str, now: datetime
) -> dict[str, str]:
    """The headers that sign the request: `authorization`, `x-amz-date`, and the session token where one is."""
    instant = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    added = {"x-amz-date": instant}
    if credentials.token:
        added["x-amz-security-token"] = credentials.token
    address = urlsplit(request.url)
    headers = {name.lower(): " ".join(value.split()) for name, value in {**request.headers, **added}.items()}
    headers["host"] = address.netloc.rpartition("@")[2]
    names = ";".join(sorted(headers))
    lines = [
        request.method,
        quote(address.path or "/", safe="/-_.~"),
        "",
        *(f"{name}:{headers[name]}" for name in sorted(headers)),
        "",
        names,
        sha256(request.body).hexdigest(),
    ]
    scope = f"{instant[:8]}/{region}/{service}/aws4_request"
    digest = sha256("\n".join(lines).encode()).hexdigest()
    key = f"AWS4{credentials.secret}".encode()
    for part in (instant[:8], region, service, "aws4_request"):
        key = _hmac(key, part)
    proof = _hmac(key, f"{_ALGORITHM}\n{instant}\n{scope}\n{digest}").hex()
    said = f"Credential={credentials.key_id}/{scope}, SignedHeaders={names}, Signature={proof}"
    return {**added, "authorization": f"{_ALGORITHM} {said}"}


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
