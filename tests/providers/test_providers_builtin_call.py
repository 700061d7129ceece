"""Built-in models work in threads of their own, so that the event loop never waits for them."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from steadyhand import plugins
from steadyhand.errors import ProviderRefused, ProviderTimeout
from steadyhand.providers import builtin
from steadyhand.providers.call import Completer
from steadyhand.providers.transport import Transport
from steadyhand.types.ids import ModelId
from steadyhand.types.message import TextDelta
from steadyhand.types.model import Completion, CompletionRequest, EmbeddingRequest, Model, Provider, Task

MEMBER = """
import threading
from steadyhand.types.model import Completion

def build(embed):
    embed(["built"])
    return answer

def answer(task):
    if task.query == "wait":
        gate.wait(10)
    return Completion(text=threading.current_thread().name, confidence=0.5)

gate = threading.Event()
"""


class Embedding:
    id = "test"
    texts: list[str]

    def __init__(self) -> None:
        self.texts = []

    def __call__(self, texts: list[str]) -> np.ndarray:
        self.texts += texts
        return np.zeros((len(texts), 3), np.float32)


@pytest.fixture
def member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A file beside the shipped members, found by its name."""
    (tmp_path / "threadsome.py").write_text(MEMBER, "utf-8")
    monkeypatch.setattr(builtin, "__path__", [*builtin.__path__, str(tmp_path)])
    plugins.names.cache_clear()
    yield "threadsome"
    plugins.load("providers.builtin", "threadsome").gate.set()
    del sys.modules["steadyhand.providers.builtin.threadsome"]
    plugins.names.cache_clear()
    plugins.load.cache_clear()


def model(name: str, dialect: str = "local") -> Model:
    local = Provider(
        name="local", dialect=dialect, base_url="", key_variable="", place="local", clearance="restricted"
    )
    return Model(id=ModelId(f"local:{name}"), provider=local, name=name, price=None, context_tokens=None)


def asking(query: str, timeout_s: float) -> CompletionRequest:
    task = Task(input={}, query=query, output_schema={})
    return CompletionRequest(messages=(), task=task, output_schema=None, timeout_s=timeout_s)


async def test_a_built_in_model_is_built_once_and_answers_from_a_thread(member: str) -> None:
    embedding = Embedding()
    complete = Completer(Transport(), embedding)
    answers: list[Completion] = [await complete(model(member), asking("?", 5)) for _ in range(3)]
    await complete.close()
    assert {answer.text.rsplit("_", 1)[0] for answer in answers} == {"builtin-model"}
    assert embedding.texts == ["built"]
    assert threading.current_thread().name not in {answer.text for answer in answers}


async def test_a_built_in_model_that_takes_too_long_is_given_up(member: str) -> None:
    complete = Completer(Transport(), Embedding())
    with pytest.raises(ProviderTimeout, match=r"^local:threadsome: expected an answer within 0\.1 s"):
        await complete(model(member), asking("wait", 0.1))
    await complete.close()


async def test_a_built_in_model_streams_its_answer_in_one_piece_and_has_no_vectors(member: str) -> None:
    complete = Completer(Transport(), Embedding())
    delta, completion = [piece async for piece in complete.stream(model(member), asking("?", 5))]
    with pytest.raises(ProviderRefused, match=r"^local:threadsome: expected a model with embeddings"):
        await complete.embed(model(member), EmbeddingRequest(("text",), timeout_s=5))
    await complete.close()
    assert isinstance(completion, Completion)
    assert delta == TextDelta(completion.text)


async def test_a_model_that_chats_in_this_process_answers_like_any_other() -> None:
    async def chat(model: Model, request: CompletionRequest) -> Completion:
        return Completion(text=f"{model.name} within {request.timeout_s} s")

    complete = Completer(Transport(), Embedding(), in_process=chat)
    answer = await complete(model("tiny", "inprocess"), asking("?", 5))
    await complete.close()
    assert answer.text == "tiny within 5 s"
    assert answer.usage.is_estimated


async def test_without_models_that_chat_in_this_process_there_are_none() -> None:
    complete = Completer(Transport(), Embedding())
    with pytest.raises(ProviderRefused, match=r"^local:tiny: expected models that run in this process"):
        await complete(model("tiny", "inprocess"), asking("?", 5))
    await complete.close()
