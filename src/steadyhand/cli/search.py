"""Search a knowledge base."""

from typing import Annotated

import typer

from steadyhand.cli._figures import count
from steadyhand.cli._running import in_workspace
from steadyhand.cli._shell import AsJson, new_app, shell_of
from steadyhand.cli._terminal import hanging
from steadyhand.types.passage import Passage
from steadyhand.workspace import OWNER

app = new_app()


@app.command()
def search(
    context: typer.Context,
    base: Annotated[str, typer.Argument(metavar="KB", help="The knowledge base.")],
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What to look for, in plain words.")],
    top: Annotated[int, typer.Option("--top", min=1, max=200, help="How many passages.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Search a knowledge base; prints the best passages with source, page and score.

    Scores are between 0 and 1 and compare the passages of one search. Exit code 0 also when nothing fits.

    \b
    Example:
      steadyhand search policies "hotel limit" --top 3
    """
    shell = shell_of(context)
    found = in_workspace(shell, lambda workspace: workspace.search(base, query, principal=OWNER, top_k=top))
    if as_json:
        shell.terminal.json(found)
        return
    for number, passage in enumerate(found.passages, start=1):
        shell.terminal.data(shown(number, passage, shell.terminal.width))
    shell.terminal.say(f"{count(len(found.passages), 'passage')} of {found.snapshot}")


def shown(number: int, passage: Passage, width: int) -> str:
    """`1   0.93  travel-policy.pdf, page 3  Travel > Hotels`, and the passage below."""
    section = f"  {passage.section}" if passage.section else ""
    head = f"{number:<4}{passage.score:.2f}  {passage.source}, page {passage.page}{section}"
    return f"{head}\n{hanging('    ', passage.text, width)}"
