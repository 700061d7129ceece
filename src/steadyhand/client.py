"""Clients of a Steadyhand server, for programs elsewhere. Errors of the server arrive as ours, by their code.

with Client("https://ai.example.org", key) as client:
    answer = client.run("policy_answers", {"question": "May I work from abroad?"})
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Self, TypeAlias, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp

from steadyhand.background import BackgroundLoop
from steadyhand.errors import ServerProtocol, ServerUnavailable, SteadyhandError, UsageError, of_code
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.passage import Retrieval
from steadyhand.types.run import Answer, StepRecord
from steadyhand.types.wire import Received, answer_of, retrieval_of, step_of

Event: TypeAlias = StepRecord | Answer
"""What a streamed run says: every step when it ends, then the answer."""

Query: TypeAlias = Sequence[tuple[str, str | int]]
"""Parameters of an address; one name may come more than once."""

_LINE_BYTES = 4_000_000  # the longest event that is accepted
_PAGE = 1_000  # documents asked for at once
_NOT_OURS = "is this the address of a Steadyhand server of the same version?"

Result = TypeVar("Result")


class AsyncClient:
    """Keeps connections open: make one, use it everywhere in an event loop, and `close` it.

    `url` is the server's address without a path. `key` goes into every request and never to another address:
    redirects are refused. `timeout_s` bounds a call, and in a stream the wait for the next sign of life.
    """

    def __init__(self, url: str, key: str, *, timeout_s: float = 60.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise UsageError(f"expected an address such as http://127.0.0.1:8484; found {url!r}")
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        self._timeout_s = timeout_s
        self._opened: aiohttp.ClientSession | None = None

    async def run(self, feature: str, values: JsonObject) -> Answer:
        """Run a feature. The answer's status is `answered`, `fallback` or `review`.

        A refused or failed run raises the error of its code, with `run_id` set. Also raises `Unauthenticated`,
        `Forbidden`, `ServerUnavailable` and `ServerProtocol`.
        """
        return _parsed(answer_of, await self._json("POST", f"/features/{_part(feature)}", body=values))

    async def stream(self, feature: str, values: JsonObject) -> AsyncGenerator[Event, None]:
        """The run's steps as they end, then its answer. Raises like `run`."""
        path = f"/features/{_part(feature)}/stream"
        async with self._exchange("POST", path, body=values, is_stream=True) as response:
            async for name, said in _events(response.content):
                if name == "error":
                    raise _error(said, 200)
                yield _parsed(step_of, said) if name == "step" else _parsed(answer_of, said)
                if name == "answer":
                    return
        raise ServerProtocol("the server ended a stream before the answer", hint="the run may be in the ledger")

    async def get_run(self, run_id: str) -> JsonObject:
        """One run as the ledger holds it: `run`, `steps`, `calls`, `retrievals`, `verdicts`, `review`."""
        return await self._json("GET", f"/runs/{_part(run_id)}")

    async def search(
        self,
        base: str,
        query: str,
        *,
        top_k: int = 8,
        where: JsonObject | None = None,
        as_of: int | None = None,
        rerank: str = "",
        max_tokens: int | None = None,
    ) -> Retrieval:
        """The best passages of a knowledge base, best first.

        `where` is what the metadata of documents must say, as `{"department": "hr", "year": {"gte": 2024}}`;
        `as_of` is a revision, the number in a snapshot. Raises `InvalidInput` for what cannot be a condition, and
        `NotFound`.
        """
        asked: dict[str, str | int | None] = {
            "q": query,
            "top_k": top_k,
            "filter": json.dumps(where) if where else None,
            "as_of": as_of,
            "rerank": rerank or None,
            "max_tokens": max_tokens,
        }
        found = await self._json("GET", f"/knowledge/{_part(base)}/search", query=_given(asked))
        return _parsed(retrieval_of, found)

    async def documents(self, base: str, *, containing: str = "") -> list[JsonObject]:
        """The documents of a knowledge base that the key may see, by path, with labels, metadata and what is stale.

        `containing` is a part of their path or title.
        """
        found: list[JsonObject] = []
        after = ""
        while True:
            query = _given({"after": after or None, "containing": containing or None, "limit": _PAGE})
            page = await self._json("GET", f"/knowledge/{_part(base)}", query=query)
            found += _parsed(lambda received: list(received["documents"]), page)
            if not (after := _parsed(lambda received: str(received["next"]), page)):
                return found

    async def upload(
        self,
        base: str,
        path: str,
        content: bytes,
        *,
        labels: Iterable[str] | None = None,
        metadata: JsonObject | None = None,
    ) -> JsonObject:
        """Hand in a file; it can be found when this returns: `path`, `outcome`, `passages`, `reason`.

        The same path again replaces it. Without `labels` the settings say who may see it. Raises
        `DocumentUnreadable` and its like, `Duplicate` for a path that another source has, and `InputTooLarge`.
        """
        said = None if labels is None else [("label", label) for label in labels]
        if said == []:
            raise UsageError("expected a label; found none", hint="labels=None leaves them to the settings")
        query = [("path", path), *(said or []), *([("metadata", json.dumps(metadata))] if metadata else [])]
        return await self._json("POST", f"/knowledge/{_part(base)}/documents", content=content, query=query)

    async def delete(self, base: str, path: str) -> int:
        """Delete a document for good, with what came in it; returns how many there were. Raises `NotFound`."""
        done = await self._json("DELETE", f"/knowledge/{_part(base)}/{quote(path)}")
        return _parsed(lambda received: int(received["deleted"]), done)

    async def report(self, base: str) -> JsonObject:
        """What in a knowledge base wants a look: documents, sources and questions, as far as the key may see."""
        return await self._json("GET", f"/knowledge/{_part(base)}/report")

    async def features(self) -> list[JsonObject]:
        """Every feature with its purpose, its version and what is wrong with its contract."""
        return _parsed(lambda received: list(received["features"]), await self._json("GET", "/features"))

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _json(
        self,
        method: str,
        path: str,
        *,
        body: JsonObject | None = None,
        content: bytes | None = None,
        query: Query = (),
    ) -> JsonObject:
        async with self._exchange(method, path, body=body, content=content, query=query) as response:
            return _object(await response.read(), response.status)

    @asynccontextmanager
    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        body: JsonObject | None = None,
        content: bytes | None = None,
        query: Query = (),
        is_stream: bool = False,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request and its good answer. Raises ours for aiohttp's errors and for the server's."""
        limit = aiohttp.ClientTimeout(
            total=None if is_stream else self._timeout_s, sock_connect=self._timeout_s, sock_read=self._timeout_s
        )
        with _translated(self._url, self._timeout_s):
            async with self._session().request(
                method,
                self._url + path,
                json=body,
                data=content,
                params=query,
                timeout=limit,
                allow_redirects=False,
            ) as response:
                await _check(response)
                yield response

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            self._opened = aiohttp.ClientSession(headers=self._headers, read_bufsize=_LINE_BYTES)
        return self._opened


class Client:
    """The same for programs without an event loop. May be used from any thread; arguments as in `AsyncClient`."""

    def __init__(self, url: str, key: str, *, timeout_s: float = 60.0) -> None:
        self._inner = AsyncClient(url, key, timeout_s=timeout_s)
        self._background = BackgroundLoop("steadyhand-client")

    def run(self, feature: str, values: JsonObject) -> Answer:
        """Like `AsyncClient.run`."""
        return self._background.wait(self._inner.run(feature, values))

    def stream(self, feature: str, values: JsonObject) -> Iterator[Event]:
        """Like `AsyncClient.stream`."""
        events = self._inner.stream(feature, values)
        try:
            while event := self._background.wait(anext(events, None)):
                yield event
        finally:
            self._background.wait(events.aclose())

    def get_run(self, run_id: str) -> JsonObject:
        """Like `AsyncClient.get_run`."""
        return self._background.wait(self._inner.get_run(run_id))

    def search(
        self,
        base: str,
        query: str,
        *,
        top_k: int = 8,
        where: JsonObject | None = None,
        as_of: int | None = None,
        rerank: str = "",
        max_tokens: int | None = None,
    ) -> Retrieval:
        """Like `AsyncClient.search`."""
        found = self._inner.search(
            base, query, top_k=top_k, where=where, as_of=as_of, rerank=rerank, max_tokens=max_tokens
        )
        return self._background.wait(found)

    def documents(self, base: str, *, containing: str = "") -> list[JsonObject]:
        """Like `AsyncClient.documents`."""
        return self._background.wait(self._inner.documents(base, containing=containing))

    def upload(
        self,
        base: str,
        path: str,
        content: bytes,
        *,
        labels: Iterable[str] | None = None,
        metadata: JsonObject | None = None,
    ) -> JsonObject:
        """Like `AsyncClient.upload`."""
        return self._background.wait(self._inner.upload(base, path, content, labels=labels, metadata=metadata))

    def delete(self, base: str, path: str) -> int:
        """Like `AsyncClient.delete`."""
        return self._background.wait(self._inner.delete(base, path))

    def report(self, base: str) -> JsonObject:
        """Like `AsyncClient.report`."""
        return self._background.wait(self._inner.report(base))

    def features(self) -> list[JsonObject]:
        """Like `AsyncClient.features`."""
        return self._background.wait(self._inner.features())

    def close(self) -> None:
        self._background.wait(self._inner.close())
        self._background.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def _translated(url: str, timeout_s: float) -> Iterator[None]:
    """The HTTP library's errors as ours."""
    try:
        yield
    except TimeoutError:
        raise ServerUnavailable(
            f"{url} did not answer within {timeout_s:g} s", hint="raise timeout_s, or look at the server"
        ) from None
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
        raise ServerUnavailable(
            f"{url} does not answer: {error}", hint="is the server running? steadyhand up"
        ) from error
    except aiohttp.ClientError as error:
        raise ServerProtocol(f"{url} does not speak HTTP as expected: {error}", hint=_NOT_OURS) from error


async def _check(response: aiohttp.ClientResponse) -> None:
    """Raises the server's error. A redirect would take the key along, so it is one."""
    if 300 <= response.status < 400:
        raise ServerProtocol(
            f"the server wants to send us to {response.headers.get('Location', 'another place')!r}",
            hint="use the address that it names, if you trust it with the key",
        )
    if response.status >= 400:
        raise _error(_object(await response.read(), response.status), response.status)


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[tuple[str, JsonObject]]:
    """Server-sent events with one line of data each, which is how our server writes them."""
    name = ""
    async for raw in content:
        field, _, value = raw.decode("utf-8", "replace").rstrip("\r\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, _object(value.encode(), 200)


def _error(body: Received, status: int) -> SteadyhandError:
    """The error that a body tells of, as an instance of the class of its code."""
    said = body.get("error")
    if not isinstance(said, dict) or not isinstance(said.get("code"), str):
        return ServerProtocol(f"the server answered {status} and not what was expected", hint=_NOT_OURS)
    code, message, hint = said["code"], str(said.get("message", "")), str(said.get("hint", ""))
    kind = of_code(code)
    error = (kind or SteadyhandError)(message, hint=hint)
    if kind is None:
        error.code, error.status = code, status
    error.run_id = str(said.get("run_id", ""))
    return error


def _object(content: bytes, status: int) -> JsonObject:
    try:
        value: Json = json.loads(content)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ServerProtocol(
            f"expected a JSON object from the server; found {status} {content[:80]!r}", hint=_NOT_OURS
        )
    return value


def _parsed(parse: Callable[[Received], Result], received: JsonObject) -> Result:
    try:
        return parse(received)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise ServerProtocol(f"the server's answer lacks or misstates {error}", hint=_NOT_OURS) from error


def _given(values: Mapping[str, str | int | None]) -> Query:
    return [(name, value) for name, value in values.items() if value is not None]


def _part(name: str) -> str:
    """A name as one part of a path, whatever is in it."""
    return quote(name, safe="")
