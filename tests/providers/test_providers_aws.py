"""Amazon's signatures and its event stream, held against the vendor's package and the specification."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from struct import pack
from uuid import UUID
from zlib import crc32

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as VendorsCredentials
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.errors import ProviderProtocol, ProviderRefused
from steadyhand.providers.dialects import bedrock
from steadyhand.providers.dialects._bedrock.events import Messages
from steadyhand.providers.ports import WireRequest
from steadyhand.types.ids import ModelId
from steadyhand.types.message import Message
from steadyhand.types.model import CompletionRequest, Model, Provider
from steadyhand.types.text import Segment

NOW = datetime(2026, 11, 21, 9, 30, 5, tzinfo=UTC)
EUROPE = "https://bedrock-runtime.eu-central-1.amazonaws.com"


def provider(base_url: str = EUROPE, region: str = "") -> Provider:
    return Provider(
        name="p",
        dialect="bedrock",
        base_url=base_url,
        place="eu",
        clearance="public",
        key_variable="K",
        region=region,
    )


def wire(model_name: str, text: str = "Grüße") -> WireRequest:
    model = Model(id=ModelId("p:m"), provider=provider(), name=model_name, price=None, context_tokens=None)
    asked = Message("user", (Segment(text, "caller", "untrusted", "public"),))
    return bedrock.encode(CompletionRequest(messages=(asked,), timeout_s=1), model, is_streamed=True)


class Fixed(SigV4Auth):
    """The vendor's signer at our instant: it takes the time of its own clock otherwise."""

    def _set_necessary_date_headers(self, request: AWSRequest) -> None:
        del request.headers["X-Amz-Date"]
        request.headers["X-Amz-Date"] = request.context["timestamp"]


def vendors(request: WireRequest, key: str, region: str, base_url: str) -> dict[str, str]:
    """The headers that the vendor's package adds."""
    signer = Fixed(VendorsCredentials(*key.split(":", 2)), "bedrock", region)
    theirs = AWSRequest("POST", base_url + request.path, dict(request.headers), request.body)
    theirs.context["timestamp"] = NOW.strftime("%Y%m%dT%H%M%SZ")
    if signer.credentials.token:
        theirs.headers["X-Amz-Security-Token"] = signer.credentials.token
    theirs.headers["X-Amz-Date"] = theirs.context["timestamp"]
    signature = signer.signature(signer.string_to_sign(theirs, signer.canonical_request(theirs)), theirs)
    scope = f"Credential={signer.scope(theirs)}"
    signed = f"SignedHeaders={signer.signed_headers(signer.headers_to_sign(theirs))}"
    return {"authorization": f"AWS4-HMAC-SHA256 {scope}, {signed}, Signature={signature}"}


@pytest.mark.parametrize(
    "model_name",
    [
        "anthropic.claude-haiku-4-5",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-v1:0",
        "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/a1~b_c.d",
    ],
)
@pytest.mark.parametrize("key", ["AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfi=", "ASIA:secret:to:ken+/=="])
@pytest.mark.parametrize("base_url", [EUROPE, "http://127.0.0.1:8080/case/7"])
def test_requests_are_signed_as_the_vendors_package_signs_them(model_name: str, key: str, base_url: str) -> None:
    sent = wire(model_name)
    ours = bedrock.authorize(provider(base_url, "eu-central-1"), sent, key, NOW)
    assert ours["authorization"] == vendors(sent, key, "eu-central-1", base_url)["authorization"]
    assert ours["x-amz-date"] == "20261121T093005Z"
    assert ours.get("x-amz-security-token", "") == ":".join(key.split(":")[2:])
    assert key.split(":")[1] not in str(ours)


def test_another_body_path_instant_or_region_is_another_signature() -> None:
    def signature(request: WireRequest, region: str = "", now: datetime = NOW) -> str:
        return bedrock.authorize(provider(region=region), request, "A:b", now)["authorization"]

    first = signature(wire("m.one"))
    assert first == signature(wire("m.one"))
    assert "/eu-central-1/bedrock/aws4_request" in first
    others = [
        signature(wire("m.two")),
        signature(wire("m.one", "other")),
        signature(wire("m.one"), "us-east-1"),
        signature(wire("m.one"), now=NOW + timedelta(seconds=1)),
    ]
    assert len({first, *others}) == 5


def test_a_key_without_a_colon_is_carried_as_it_is_and_a_missing_region_is_said() -> None:
    assert bedrock.authorize(provider("http://h"), wire("m"), "ABSKtoken", NOW) == {
        "authorization": "Bearer ABSKtoken"
    }
    with pytest.raises(ProviderRefused, match="expected a region") as refused:
        bedrock.authorize(provider("http://h"), wire("m"), "AKID:secret", NOW)
    assert "secret" not in str(refused.value) + refused.value.hint


def framed(headers: bytes, payload: bytes) -> bytes:
    prelude = pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + pack(">I", crc32(prelude)) + headers + payload
    return body + pack(">I", crc32(body))


def header(name: str, kind: int, value: bytes) -> bytes:
    return bytes([len(name)]) + name.encode() + bytes([kind]) + value


def test_headers_of_every_kind_are_read() -> None:
    uuid = UUID("12345678-1234-5678-1234-567812345678")
    headers = [
        header("yes", 0, b""),
        header("no", 1, b""),
        header("byte", 2, b"\xff"),
        header("short", 3, pack(">h", -2)),
        header("int", 4, pack(">i", -3)),
        header("long", 5, pack(">q", -(2**40))),
        header("bytes", 6, pack(">H", 3) + b"\x00\x01\x02"),
        header("text", 7, pack(">H", 6) + "Grüß".encode()),
        header("time", 8, pack(">q", 1_500)),
        header("uuid", 9, uuid.bytes),
    ]
    (message,) = Messages().feed(framed(b"".join(headers), b"{}"))
    assert message.payload == b"{}"
    assert message.headers == {
        "yes": True,
        "no": False,
        "byte": -1,
        "short": -2,
        "int": -3,
        "long": -(2**40),
        "bytes": b"\x00\x01\x02",
        "text": "Grüß",
        "time": datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC),
        "uuid": uuid,
    }


EVENT = framed(header(":message-type", 7, pack(">H", 5) + b"event"), b'{"a": 1}')


@given(st.lists(st.binary(max_size=40), max_size=4), st.lists(st.integers(0, 500), max_size=12))
def test_messages_are_the_same_wherever_the_bytes_are_cut(payloads: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(
        framed(header("n", 4, pack(">i", number)), payload) for number, payload in enumerate(payloads)
    )
    bounds = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    reader = Messages()
    pieces = [stream[start:end] for start, end in pairwise(bounds)]
    found = [message for piece in pieces for message in reader.feed(piece)]
    assert [(message.headers["n"], message.payload) for message in found] == list(enumerate(payloads))


@given(st.integers(0, len(EVENT) - 1), st.integers(1, 255))
def test_a_changed_byte_is_found(position: int, change: int) -> None:
    broken = bytearray(EVENT)
    broken[position] ^= change
    with pytest.raises(ProviderProtocol, match="checksum"):
        Messages().feed(bytes(broken))


@pytest.mark.parametrize(
    "headers", [b"\x05ab", header("a", 10, b""), header("a", 7, b"\x00\x09x"), b"\x01\xff\x07\x00\x00", b"\x01a"]
)
def test_headers_that_cannot_be_are_a_protocol_error(headers: bytes) -> None:
    with pytest.raises(ProviderProtocol, match="headers"):
        Messages().feed(framed(headers, b""))


def test_lengths_that_cannot_be_are_a_protocol_error() -> None:
    for length, of_headers in [(15, 0), (16, 1), (2**31, 0), (2**20, 2**19)]:
        prelude = pack(">II", length, of_headers)
        with pytest.raises(ProviderProtocol, match="at most"):
            Messages().feed(prelude + pack(">I", crc32(prelude)))
