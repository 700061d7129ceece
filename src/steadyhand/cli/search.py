"""Search a knowledge base."""

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from steadyhand.cli._answers import page_link
from steadyhand.cli._figures import count
from steadyhand.cli._running import in_workspace
from steadyhand.cli._serving import address_in_use
from steadyhand.cli._shell import AsJson, new_app, shell_of
from steadyhand.cli._terminal import hanging
from steadyhand.errors import InvalidInput, UsageError
from steadyhand.knowledge import bases
from steadyhand.knowledge.index import filters
from steadyhand.types.condition import Condition
from steadyhand.types.json import Json, JsonObject
from steadyhand.types.passage import Passage, Retrieval
from steadyhand.types.run import Principal
from steadyhand.types.search import Finish, SearchRequest
from steadyhand.workspace import OWNER, AsyncWorkspace

app = new_app()

_Base = Annotated[str, typer.Argument(metavar="KB", help="The knowledge base.")]
_Query = Annotated[str, typer.Argument(metavar="QUERY", help="What to look for, in plain words.")]
_Top = Annotated[int, typer.Option("--top", min=1, max=200, help="How many passages.")]
_Conditions = Annotated[
    list[str] | None,
    typer.Option("--filter", metavar="KEY=VALUE|JSON", help="What the metadata must say; may be repeated."),
]
_Labels = Annotated[
    str | None, typer.Option("--as", metavar="LABELS", help="Search as somebody with these labels; '' for none.")
]
_AsOf = Annotated[
    int | None, typer.Option("--as-of", min=0, metavar="REVISION", help="The base as it was at that revision.")
]
_Rerank = Annotated[str, typer.Option("--rerank", metavar="NAME", help="Reorder: lexical, or onnx:FOLDER.")]


@app.command()
def search(
    context: typer.Context,
    *,
    base: _Base,
    query: _Query,
    top: _Top = 5,
    conditions: _Conditions = None,
    labels: _Labels = None,
    as_of: _AsOf = None,
    rerank: _Rerank = "",
    as_json: AsJson = False,
) -> None:
    """Search a knowledge base; prints the best passages with source, page and score.

    Scores are between 0 and 1 and compare the passages of one search. While `steadyhand up` runs, every passage
    has a link to its words. Exit code 0 also when nothing fits.

    \b
    Examples:
      steadyhand search policies "hotel limit" --top 3
      steadyhand search policies hotels --filter department=hr --filter '{"year": {"gte": 2024}}'
      steadyhand search policies "salary bands" --as hr,board
    """
    shell = shell_of(context)
    if not query.strip():
        raise UsageError(
            "expected what to look for; found an empty text", hint='steadyhand search KB "hotel limit"'
        )
    request = SearchRequest(
        knowledge_base=base,
        queries=(query,),
        principal=OWNER if labels is None else somebody(labels),
        top_k=top,
        where=where(conditions or ()),
        as_of=as_of,
        finish=Finish(rerank=rerank),
    )

    found, address, fields = in_workspace(shell, lambda workspace: _looked(workspace, request))
    if as_json:
        shell.terminal.json(found)
        return
    for number, passage in enumerate(found.passages, start=1):
        shell.terminal.data(shown(number, passage, shell.terminal.width, address))
    shell.terminal.say(f"{count(len(found.passages), 'passage')} of {found.snapshot}")
    if fields:
        shell.terminal.say(f"fields of its documents: {', '.join(fields)}")


async def _looked(workspace: AsyncWorkspace, request: SearchRequest) -> tuple[Retrieval, str, list[str]]:
    """What is found, where it is served, and where a filter leaves nothing what it may name."""
    found = await workspace.finder(request)
    is_narrowed = bool(request.where and not found.passages)
    database, base = workspace.database, request.knowledge_base
    fields = await bases.fields(database, base, request.principal) if is_narrowed else []
    return found, address_in_use(workspace.settings.root), fields


def shown(number: int, passage: Passage, width: int, address: str = "") -> str:
    """`1   0.93  travel-policy.pdf, page 3  Travel > Hotels`, below it the passage, and a link if it is served."""
    section = f"  {passage.section}" if passage.section else ""
    head = f"{number:<4}{passage.score:.2f}  {passage.source}, page {passage.page}{section}"
    lines = [head, hanging("    ", passage.text, width)]
    if address:
        lines.append(f"    {address}{page_link(passage)}")
    return "\n".join(lines)


def where(written: Sequence[str]) -> tuple[Condition, ...]:
    """The conditions of `KEY=VALUE` and of JSON objects together. Raises `InvalidInput`."""
    return tuple(condition for text in written for condition in filters.parse(_object(text)))


def somebody(labels: str) -> Principal:
    """Who has the labels, which stand between commas, and those that everybody has."""
    held = frozenset(label.strip() for label in labels.split(",") if label.strip())
    return Principal("somebody", "caller", labels=held)


def _object(text: str) -> JsonObject:
    """A value is a number, true or false where it looks like one; {"year": "2026"} says that it is a text."""
    if not text.lstrip().startswith("{"):
        key, equals, value = text.partition("=")
        if key.strip() and equals:
            return {key.strip(): _value(value.strip())}
    else:
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, dict):
            return found
    raise InvalidInput(
        f"--filter: expected KEY=VALUE or a JSON object; found {text[:80]!r}",
        hint="""--filter department=hr, or --filter '{"year": {"gte": 2024}}'""",
    )


def _value(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text
