"""Asks one model one thing, to see that its key, its name and its address are right."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from steadyhand.cli._catalogs import catalog, configured
from steadyhand.cli._running import to_end
from steadyhand.cli._shell import AsJson, shell_of
from steadyhand.errors import NotFound, UsageError
from steadyhand.hints import did_you_mean
from steadyhand.providers.call import Completer
from steadyhand.providers.gguf import GgufModels
from steadyhand.providers.transport import Transport
from steadyhand.routing.cost import cost_usd
from steadyhand.types.ids import ModelId
from steadyhand.types.message import Message
from steadyhand.types.model import CompletionRequest, Model, Usage
from steadyhand.types.ports import Vectors
from steadyhand.types.text import Segment

_OUTPUT_TOKENS = 1_024  # some models think before they say hello
_HELLO = "Say hello in one short sentence."


@dataclass(frozen=True, slots=True)
class Tried:
    """What came back. `cost_usd` None: the price is unknown."""

    model: ModelId
    answered_as: str
    text: str
    usage: Usage
    cost_usd: Decimal | None
    seconds: float


def try_model(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model, as provider:name.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to say to it.")] = _HELLO,
    timeout_s: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="How long the answer may take.")
    ] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Ask a model one thing, to see that its key, its name and its address are right.

    The text goes to the model's provider as it is: no feature, no guardrail, no record. Prints the answer, and says
    what it took.

    \b
    Examples:
      steadyhand models try openai:gpt-4o-mini
      steadyhand models try ollama:llama3.2:3b "Which model are you?"
    """
    shell = shell_of(context)
    known = catalog(shell)
    found = known.find(ModelId(model))
    if found is None:
        hint = did_you_mean(model, known.ids()) or "steadyhand models list names them"
        raise NotFound(f"expected a model of the catalogue; found {model!r}", hint=hint)
    if found.provider.dialect == "local":
        hint = "name it in a contract and run the feature"
        raise UsageError(f"expected a model that chats; {model} is built in and works on features only", hint=hint)
    tried = to_end(_asked(found, text, timeout_s, configured(shell).models_folder))
    if as_json:
        shell.terminal.json(tried)
    else:
        shell.terminal.data(tried.text)
    shell.terminal.say(f"ok  {tried.model}  {_figures(tried)}")


async def _asked(model: Model, text: str, timeout_s: float, models_folder: Path) -> Tried:
    said = Segment(text, "caller", "trusted", model.provider.clearance)
    request = CompletionRequest(
        messages=(Message("user", (said,)),),
        timeout_s=timeout_s,
        max_output_tokens=_OUTPUT_TOKENS,
        temperature=None,
    )
    began = time.monotonic()
    with closing(GgufModels(models_folder)) as in_process:
        completer = Completer(Transport(), _NoEmbedder(), in_process=in_process)
        try:
            answer = await completer(model, request)
        finally:
            await asyncio.shield(completer.close())
    cost = cost_usd(answer.usage, model.price) if model.price else None
    return Tried(model.id, answer.model, answer.text, answer.usage, cost, time.monotonic() - began)


def _figures(tried: Tried) -> str:
    tokens = f"{tried.usage.input_tokens:,} tokens in, {tried.usage.output_tokens:,} out"
    cost = "price unknown" if tried.cost_usd is None else f"${tried.cost_usd:f}"
    return f"{tried.seconds:.2f} s   {tokens}   {cost}"


class _NoEmbedder:
    """Only built-in models embed, and none is asked here."""

    id = ""

    def __call__(self, texts: Sequence[str]) -> Vectors:
        raise AssertionError(f"nothing to embed; found {len(texts)} texts")
