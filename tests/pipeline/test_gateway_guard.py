"""A request is looked at wherever its words are, and quickly where there is nothing to find."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand import plugins
from steadyhand.errors import InvalidInput
from steadyhand.guardrails import inspect, marks
from steadyhand.pipeline.gateway.guard import Guard
from steadyhand.types.text import Segment

SECRETS = [
    "-----BEGIN RSA PRIVATE KEY-----",
    "AKIA" + "A" * 16,
    "ghp_" + "a" * 36,
    "sk-proj-" + "a" * 30,
    "xoxb-" + "1" * 20,
    "AIza" + "b" * 35,
    "sh_" + "c" * 43,
    "eyJ" + "a" * 12 + ".eyJ" + "b" * 12 + "." + "c" * 12,
    "postgresql://me:secret@host/db",
]


def body(text: str, *, ascii_only: bool) -> bytes:
    return json.dumps({"messages": [{"content": [{"text": text}]}]}, ensure_ascii=ascii_only).encode()


@given(secret=st.sampled_from(SECRETS), before=st.text(max_size=5), ascii_only=st.booleans())
async def test_a_secret_is_found_whatever_stands_before_it(secret: str, before: str, ascii_only: bool) -> None:
    text = f"{before} {secret}"
    expected = inspect(["secrets"], [Segment(text, "caller", "untrusted", "internal")])
    report = await Guard(["secrets"])(body(text, ascii_only=ascii_only), "internal")
    assert [found.kind for found in report.findings] == [found.kind for found in expected.findings] != []
    assert report.data_class == "restricted"
    assert report.findings[0].path == "body.messages[0].content[0].text"


async def test_slashes_that_json_escapes_hide_nothing() -> None:
    report = await Guard(["secrets"])(rb'{"a": "https:\/\/me:secret@host"}', "internal")
    assert [found.kind for found in report.findings] == ["secret.url_password"]


async def test_a_request_without_secrets_stays_as_sensitive_as_it_was() -> None:
    report = await Guard(["secrets"])(body("What is the hotel limit?", ascii_only=True), "confidential")
    assert (report.findings, report.data_class) == ((), "confidential")


async def test_without_guardrails_nothing_is_looked_at() -> None:
    report = await Guard([])(b"no json", "public")
    assert report.findings == ()


async def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(InvalidInput):
        await Guard(["pii"])(b"{", "public")


@pytest.mark.parametrize("name", [name for name in plugins.names("guardrails") if marks([name]) is not None])
def test_marks_can_be_looked_for_in_json_as_it_is_written(name: str) -> None:
    found = marks([name])
    assert found
    assert all(mark.isascii() and mark.isprintable() and not set(mark) & {'"', "\\"} for mark in found)
