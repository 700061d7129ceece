"""Amazon Bedrock's converse, at `https://bedrock-runtime.{region}.amazonaws.com`.

A key of the form `ACCESS_KEY_ID:SECRET`, or with `:SESSION_TOKEN` behind it, signs every request; a key without a
colon is an API key of Bedrock's. Source: Amazon Bedrock's API reference, 2026-10, and recorded answers.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from steadyhand.errors import ProviderRefused
from steadyhand.providers.dialects._bedrock.events import Message, Messages
from steadyhand.providers.dialects._bedrock.faults import refused, reported
from steadyhand.providers.dialects._bedrock.reply import Answer, Content, Counts
from steadyhand.providers.dialects._bedrock.request import body
from steadyhand.providers.dialects._bedrock.sigv4 import Credentials, Signed, signature
from steadyhand.providers.dialects._bedrock.vectors import decode_embeddings, encode_embeddings
from steadyhand.providers.dialects._faults import broken_off
from steadyhand.providers.dialects._reading import UNREADABLE, unreadable
from steadyhand.providers.dialects._wire import JSON, post
from steadyhand.providers.ports import WireRequest
from steadyhand.types.message import Delta
from steadyhand.types.model import Completion, CompletionRequest, Model, Provider

__all__ = [
    "Stream",
    "authorize",
    "decode",
    "decode_embeddings",
    "decode_listing",
    "encode",
    "encode_embeddings",
    "encode_listing",
]

_WHAT = "JSON of a message"
_REGION = re.compile(r"(?:^|\.)([a-z]{2,}(?:-[a-z]+)+-\d+)\.")


class _Said(msgspec.Struct):
    content: list[dict[str, Any]]


class _Output(msgspec.Struct):
    message: _Said


class _Reply(msgspec.Struct):
    output: _Output
    stop_reason: str | None = msgspec.field(default=None, name="stopReason")
    usage: Counts | None = None


class _Event(msgspec.Struct, gc=False):
    """What any event may hold."""

    index: int = msgspec.field(default=0, name="contentBlockIndex")
    delta: Content | None = None
    start: Content | None = None
    stop_reason: str | None = msgspec.field(default=None, name="stopReason")
    usage: Counts | None = None


_reply = msgspec.json.Decoder(_Reply)
_event = msgspec.json.Decoder(_Event)
_object = msgspec.json.Decoder(dict[str, Any])


def encode(
    request: CompletionRequest, model: Model, *, is_streamed: bool, avoid: frozenset[str] = frozenset()
) -> WireRequest:
    """The request as converse wants it, without the parameters in `avoid`.

    Those are `temperature`, `topP`, `stopSequences`, `maxTokens`, `cachePoint`, `toolChoice`, `tools`, and of
    Anthropic's models `budget_tokens`, `effort` and `thinking`. Raises `ProviderRefused` for media that Bedrock
    does not take.
    """
    operation = "converse-stream" if is_streamed else "converse"
    accept = "application/vnd.amazon.eventstream" if is_streamed else JSON
    path = f"/model/{quote(model.name, safe='')}/{operation}"
    return post(path, body(request, model, avoid), accept=accept)


def decode(status: int, headers: Mapping[str, str], body: bytes) -> Completion:
    """The answer to a request that was not streamed. `headers` are in lower case; raises unless `status` is 2xx."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    answer = Answer()
    try:
        reply = _reply.decode(body)
        for index, raw in enumerate(reply.output.message.content):
            block = msgspec.convert(raw, Content)
            answer.open(index, block)
            answer.close(index, block.tool.input if block.tool else None)
            if not _is_known(block):
                answer.keep(raw)
    except UNREADABLE as error:
        raise unreadable(_WHAT, body, error) from None
    answer.tell(_object.decode(body), reply.usage)
    answer.stop_reason = reply.stop_reason
    return answer.completion()


def encode_listing() -> WireRequest:
    """Raises `ProviderRefused`: the list is kept by another host."""
    raise _no_listing()


def decode_listing(status: int, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
    """Raises `ProviderRefused`, or what the status says."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    raise _no_listing()


def authorize(provider: Provider, wire: WireRequest, key: str, now: datetime) -> Mapping[str, str]:
    """The headers that sign this request at this instant, or carry the API key.

    Raises `ProviderRefused` when the region is neither in `provider.region` nor in the host.
    """
    if ":" not in key:
        return {"authorization": f"Bearer {key}"}
    key_id, secret, token = (*key.split(":", 2), "")[:3]
    base_url = provider.base_url.rstrip("/")
    found = _REGION.search(urlsplit(base_url).netloc)
    region = provider.region or (found[1] if found else "")
    if not region:
        raise ProviderRefused(
            f"expected a region of AWS, in the settings or in the host; found {urlsplit(base_url).hostname!r}",
            hint=f'set region = "us-east-1", or yours, in [providers.{provider.name}]',
        )
    request = Signed(method=wire.method, url=base_url + wire.path, headers=wire.headers, body=wire.body)
    return signature(request, Credentials(key_id, secret, token), region=region, service="bedrock", now=now)


class Stream:
    """Reads one streamed answer; `feed` raises for an exception that comes after the status 200."""

    def __init__(self) -> None:
        self._messages = Messages()
        self._answer = Answer()
        self.is_done = False

    def feed(self, data: bytes) -> list[Delta]:
        """What `data` completes; it may be cut anywhere. Raises `ProviderProtocol` for a broken message."""
        return [delta for message in self._messages.feed(data) if (delta := self._take(message)) is not None]

    def finish(self) -> Completion:
        """The whole answer. Raises `ProviderUnavailable` when the stream broke off before its end."""
        if self._answer.stop_reason is None:
            raise broken_off(self._answer.length)
        return self._answer.completion()

    def _take(self, message: Message) -> Delta | None:
        headers, payload = message.headers, message.payload
        if headers.get(":message-type") != "event":
            kind = headers.get(":exception-type") or headers.get(":error-code") or ""
            raise reported(str(kind), payload or str(headers.get(":error-message", "")).encode())
        try:
            return self._read(str(headers.get(":event-type")), payload)
        except UNREADABLE as error:
            raise unreadable(_WHAT, payload, error) from None

    def _read(self, kind: str, payload: bytes) -> Delta | None:
        event, answer = _event.decode(payload), self._answer
        match kind:
            case "contentBlockDelta" if event.delta is not None:
                if not _is_known(event.delta):
                    answer.keep(_object.decode(payload)["delta"])
                return answer.add(event.index, event.delta)
            case "contentBlockStart" if event.start is not None:
                return answer.open(event.index, event.start)
            case "contentBlockStop":
                return answer.close(event.index)
            case "messageStop":
                answer.stop_reason = event.stop_reason or ""
                answer.tell(_object.decode(payload))
            case "metadata":
                answer.tell(_object.decode(payload), event.usage)
                self.is_done = True
        return None


def _is_known(content: Content) -> bool:
    return content.text is not None or content.tool is not None or content.reasoning is not None


def _no_listing() -> ProviderRefused:
    return ProviderRefused(
        "expected a provider that lists its models; found Bedrock, whose list another host keeps",
        hint="aws bedrock list-foundation-models prints it",
    )
