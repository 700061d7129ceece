"""GGUF models in this process, by llama.cpp: no server and no key. Needs the extra `llamacpp`.

Source: the reference of llama-cpp-python, 0.3. The library is loaded when the first model is asked.
"""

import asyncio
import importlib
import os
import time
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import Any, Protocol

from steadyhand.errors import ProviderProtocol, ProviderRefused, ProviderTimeout, ProviderUnavailable
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.message import Media, ToolResult
from steadyhand.types.model import Completion, CompletionRequest, FinishReason, Model, Usage

_CONTEXT_TOKENS = 8_192
"""Unless the catalogue knows better. What a model was trained on may need more memory than there is."""

_FINISH: Mapping[str, FinishReason] = {"stop": "stop", "length": "length"}

_Chunks = Generator[Mapping[str, Any], None, None]


class _Llama(Protocol):
    """What is used of the library's class."""

    n_tokens: int  # in the context, after a call

    def create_chat_completion(self, **arguments: Json) -> _Chunks: ...

    def tokenize(self, text: bytes, *, add_bos: bool) -> list[int]: ...


class GgufModels:
    """The port `Complete` for GGUF files below `folder`; a model's name is its path in it.

    A model is loaded once and stays. One call is worked on at a time, in a thread of its own, with `threads`
    threads of the library's (0: as many as there are cores); the others wait, within their time.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        self._folder = folder
        self._threads = threads or os.cpu_count() or 1
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="gguf-model")
        self._loaded: dict[str, _Llama] = {}

    async def __call__(self, model: Model, request: CompletionRequest) -> Completion:
        """The model's answer, held to `output_schema` while it is written; usage is counted afterwards.

        Cancelled, or out of time, the work ends with the next token. Raises `ProviderTimeout`, and
        `ProviderRefused` without the library or the file, for tools and for media.
        """
        _require_text(request)
        stopped = Event()
        work = asyncio.get_running_loop().run_in_executor(self._worker, self._answer, model, request, stopped)
        try:
            async with asyncio.timeout(request.timeout_s):
                return await work
        except TimeoutError:
            raise ProviderTimeout(f"expected an answer within {request.timeout_s:.1f} s; none came") from None
        finally:
            stopped.set()

    def close(self) -> None:
        """Take no more calls; one that is at work ends unheard."""
        self._worker.shutdown(wait=False, cancel_futures=True)
        self._loaded.clear()

    def _answer(self, model: Model, request: CompletionRequest, stopped: Event) -> Completion:
        """Runs in the worker thread."""
        began = time.monotonic()
        llama = self._loaded.get(model.name) or self._load(model)
        try:
            with closing(llama.create_chat_completion(**_arguments(request))) as chunks:
                said = _heard(chunks, stopped, began)
        except (ValueError, RuntimeError) as error:  # a prompt that is too long, a schema it cannot hold to
            raise ProviderRefused(f"expected an answer of {model.name}; the library says: {error}") from None
        text = "".join(said.pieces)
        written = len(llama.tokenize(text.encode(), add_bos=False))
        usage = Usage(max(0, llama.n_tokens - written), written, is_estimated=True)
        return Completion(
            text=text,
            usage=usage,
            finish=_FINISH.get(said.reason, "other"),
            model=model.name,
            first_token_s=said.first_token_s,
        )

    def _load(self, model: Model) -> _Llama:
        library = _library()
        path = (self._folder / model.name).resolve()
        if not path.is_relative_to(self._folder.resolve()) or not path.is_file():
            raise ProviderRefused(
                f"expected a GGUF file {model.name!r} in {self._folder}; found none",
                hint=f"put the file into {self._folder}, and name its path in it",
            )
        try:
            llama: _Llama = library.Llama(
                model_path=str(path),
                n_ctx=model.context_tokens or _CONTEXT_TOKENS,
                n_threads=self._threads,
                n_threads_batch=self._threads,
                verbose=False,
            )
        except (ValueError, OSError, RuntimeError) as error:
            raise ProviderUnavailable(
                f"expected to load {path}; {error}", hint="is it a whole GGUF file?"
            ) from None
        self._loaded[model.name] = llama
        return llama


@dataclass(slots=True)
class _Said:
    pieces: list[str] = field(default_factory=list)
    reason: str = ""
    first_token_s: float | None = None


def _library() -> ModuleType:
    try:
        return importlib.import_module("llama_cpp")
    except ImportError:
        raise ProviderRefused(
            "expected the package llama-cpp-python; it is not installed", hint="pip install 'steadyhand[llamacpp]'"
        ) from None


def _require_text(request: CompletionRequest) -> None:
    """Refuse what models in this process do not take, rather than leave it out unsaid."""
    parts = [part for message in request.messages for part in message.parts]
    if request.tools or any(isinstance(part, Media | ToolResult) for part in parts):
        raise ProviderRefused(
            "expected a conversation of texts; found tools or media",
            hint="run the model behind a server: llama.cpp, Ollama or vLLM",
        )


def _arguments(request: CompletionRequest) -> JsonObject:
    said: JsonObject = {
        "max_tokens": request.max_output_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        "stop": list(request.stop) or None,
    }
    messages: list[Json] = [{"role": message.role, "content": message.text} for message in request.messages]
    out: JsonObject = {"messages": messages, "stream": True}
    if request.output_schema is not None:
        out["response_format"] = {"type": "json_object", "schema": dict(request.output_schema)}
    elif request.is_json:
        out["response_format"] = {"type": "json_object"}
    return out | {name: value for name, value in said.items() if value is not None}


def _heard(chunks: _Chunks, stopped: Event, began: float) -> _Said:
    """The whole of a stream. Raises `ProviderTimeout` when nobody waits for it any more."""
    said = _Said()
    for chunk in chunks:
        if stopped.is_set():
            raise ProviderTimeout("expected somebody to wait for the answer; nobody did")
        choice = chunk["choices"][0]
        said.reason = choice.get("finish_reason") or said.reason
        if text := choice["delta"].get("content"):
            said.pieces.append(text)
            said.first_token_s = said.first_token_s or time.monotonic() - began
    if not said.reason:
        raise ProviderProtocol("expected a reason why the answer ended; found none")
    return said
