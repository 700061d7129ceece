"""Ask a feature a question in plain words."""

from collections.abc import Mapping
from typing import Annotated

import typer

from steadyhand.cli import _answers
from steadyhand.cli._running import in_workspace
from steadyhand.cli._serving import address_in_use
from steadyhand.cli._shell import AsJson, Shell, new_app, shell_of
from steadyhand.cli.run import ended_badly
from steadyhand.errors import UsageError
from steadyhand.types.ids import FeatureName
from steadyhand.types.json import Json, JsonSchema, fields, required
from steadyhand.types.wire import answer_json
from steadyhand.workspace import AsyncWorkspace

app = new_app()


@app.command()
def ask(
    context: typer.Context,
    feature: Annotated[str, typer.Argument(metavar="FEATURE", help="The feature to ask.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The question.")],
    as_json: AsJson = False,
) -> None:
    """Ask a feature a question in plain words; prints the answer with its sources.

    The text goes into the feature's only required text input, or its first one. Features with more inputs are
    called by `steadyhand run`. Exit code 1 when the run was refused or failed.

    \b
    Example:
      steadyhand ask policy_answers "How many days may I work from home?"
    """
    shell = shell_of(context)
    raise typer.Exit(in_workspace(shell, lambda workspace: _ask(shell, workspace, feature, text, as_json)))


def text_input(schema: JsonSchema) -> str | None:
    """The input field that takes a text: the only required one, else the first; None when no field does."""
    texts = [name for name, field in fields(schema).items() if _is_text(field)]
    needed = [name for name in texts if name in required(schema)]
    return next(iter(needed if len(needed) == 1 else texts), None)


async def _ask(shell: Shell, workspace: AsyncWorkspace, name: str, text: str, as_json: bool) -> int:
    feature = workspace.features.get(FeatureName(name))
    field = text_input(feature.input_schema)
    if field is None:
        raise UsageError(f"expected a feature with a text input; {name} has none", hint=f"steadyhand run {name}")
    answer = await workspace.run(name, {field: text}, door="cli")
    if as_json:
        shell.terminal.json(answer_json(answer))
    else:
        address = address_in_use(workspace.settings.root)
        shell.terminal.data(_answers.cited(answer, feature, address=address, width=shell.terminal.width))
    return ended_badly(shell, answer)


def _is_text(field: Json) -> bool:
    return isinstance(field, Mapping) and field.get("type") == "string" and "enum" not in field
