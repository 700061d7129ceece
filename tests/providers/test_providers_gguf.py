"""GGUF models in this process, over a stand-in for the compiled library that answers like it."""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from steadyhand.errors import ProviderRefused, ProviderTimeout, ProviderUnavailable
from steadyhand.providers.gguf import GgufModels
from steadyhand.types.ids import ModelId
from steadyhand.types.message import Media, Message, Tool
from steadyhand.types.model import CompletionRequest, Model, Provider
from steadyhand.types.text import Segment


class Llama:
    """Says the words it was told to; counts a word as a token."""

    words: tuple[str, ...] = ("Hello", " there", ".")
    wait_s = 0.0
    made: list["Llama"]
    busy = 0

    def __init__(self, model_path: str, **options: Any) -> None:
        if Path(model_path).read_bytes()[:4] != b"GGUF":
            raise ValueError(f"Failed to load model from file: {model_path}")
        self.options, self.asked, self.n_tokens, self.thread = options, [], 0, ""
        Llama.made.append(self)

    def create_chat_completion(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        self.asked.append(arguments)
        self.thread = threading.current_thread().name
        if len(arguments["messages"][0]["content"]) > 1_000:
            raise ValueError("Requested tokens (9000) exceed context window of 8192")
        return self._chunks()

    def tokenize(self, text: bytes, *, add_bos: bool) -> list[int]:
        assert not add_bos
        return [0] * len(text.split())

    def _chunks(self) -> Iterator[dict[str, Any]]:
        Llama.busy += 1
        assert Llama.busy == 1
        try:
            yield {"choices": [{"delta": {"role": "assistant"}, "finish_reason": None}]}
            for word in self.words:
                time.sleep(self.wait_s)
                yield {"choices": [{"delta": {"content": word}, "finish_reason": None}]}
            self.n_tokens = 5 + len("".join(self.words).split())
            yield {"choices": [{"delta": {}, "finish_reason": "stop"}]}
        finally:
            Llama.busy -= 1


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GgufModels]:
    library = ModuleType("llama_cpp")
    library.Llama = Llama  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "llama_cpp", library)
    monkeypatch.setattr(Llama, "made", [], raising=False)
    monkeypatch.setattr(Llama, "busy", 0)
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "q4.gguf").write_bytes(b"GGUF....")
    (tmp_path / "broken.gguf").write_bytes(b"<html>")
    found = GgufModels(tmp_path, threads=3)
    yield found
    found.close()


def model(name: str = "small/q4.gguf", context_tokens: int | None = None) -> Model:
    provider = Provider(name="gguf", dialect="inprocess", base_url="", place="local", clearance="restricted")
    return Model(
        id=ModelId(f"gguf:{name}"), provider=provider, name=name, price=None, context_tokens=context_tokens
    )


def ask(text: str = "Hi", timeout_s: float = 5, **fields: Any) -> CompletionRequest:
    asked = Segment(text, "caller", "untrusted", "restricted")
    return CompletionRequest(messages=(Message("user", (asked,)),), timeout_s=timeout_s, **fields)


async def test_a_file_answers_in_a_thread_of_its_own_and_is_loaded_once(models: GgufModels) -> None:
    first, second = await asyncio.gather(models(model(), ask()), models(model(), ask()))
    assert (first.text, first.finish, first.model) == ("Hello there.", "stop", "small/q4.gguf")
    assert (first.usage.input_tokens, first.usage.output_tokens, first.usage.is_estimated) == (5, 2, True)
    assert first.first_token_s is not None
    assert second.text == first.text
    (llama,) = Llama.made
    assert llama.thread.startswith("gguf-model")
    assert llama.options == {"n_ctx": 8192, "n_threads": 3, "n_threads_batch": 3, "verbose": False}


async def test_the_answer_is_held_to_the_schema_and_the_context_is_the_catalogues(models: GgufModels) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    await models(model(context_tokens=4096), ask(output_schema=schema, stop=("x",), seed=7))
    (llama,) = Llama.made
    assert llama.options["n_ctx"] == 4096
    assert llama.asked == [
        {
            "messages": [{"role": "user", "content": "Hi"}],
            "stream": True,
            "response_format": {"type": "json_object", "schema": schema},
            "max_tokens": 2048,
            "temperature": 0.0,
            "seed": 7,
            "stop": ["x"],
        }
    ]


async def test_work_that_nobody_waits_for_ends_with_the_next_token(
    models: GgufModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Llama, "words", ("a",) * 1_000)
    monkeypatch.setattr(Llama, "wait_s", 0.01)
    with pytest.raises(ProviderTimeout, match=r"within 0\.1 s"):
        await models(model(), ask(timeout_s=0.1))
    monkeypatch.setattr(Llama, "words", ("b",))
    assert (await models(model(), ask(timeout_s=5))).text == "b"


@pytest.mark.parametrize("name", ["none.gguf", "../outside.gguf", "small"])
async def test_a_file_that_is_not_in_the_folder_is_not_looked_for_elsewhere(models: GgufModels, name: str) -> None:
    with pytest.raises(ProviderRefused, match="expected a GGUF file") as refused:
        await models(model(name), ask())
    assert "put the file into" in refused.value.hint


async def test_what_the_library_cannot_do_is_said(models: GgufModels) -> None:
    with pytest.raises(ProviderUnavailable, match="Failed to load"):
        await models(model("broken.gguf"), ask())
    with pytest.raises(ProviderRefused, match="exceed context window"):
        await models(model(), ask("x" * 2_000))
    with pytest.raises(ProviderRefused, match="tools or media"):
        await models(model(), ask(tools=(Tool("f", "", {"type": "object"}),)))
    image = Message("user", (Media("image/png", data="aGk="),))
    with pytest.raises(ProviderRefused, match="tools or media"):
        await models(model(), CompletionRequest(messages=(image,), timeout_s=1))


async def test_without_the_library_the_error_says_what_to_install(
    models: GgufModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with pytest.raises(ProviderRefused) as refused:
        await models(model(), ask())
    assert refused.value.hint == "pip install 'steadyhand[llamacpp]'"
