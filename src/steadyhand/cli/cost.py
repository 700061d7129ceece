"""Plan what features will cost."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from steadyhand.catalog import prices as price_list
from steadyhand.catalog.models import Catalog
from steadyhand.cli._catalogs import catalog
from steadyhand.cli._plans import figures, show
from steadyhand.cli._shell import AsJson, new_app, shell_of
from steadyhand.cli._workspaces import examples
from steadyhand.errors import NotFound
from steadyhand.hints import did_you_mean
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Price
from steadyhand.value import plan_file
from steadyhand.value.plan_file import Written

app = new_app(__doc__)


@app.callback()
def cost() -> None:
    """Plan what features will cost."""


@app.command()
def plan(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A cost plan in TOML, or one of those that come with the program."),
    ],
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="MODEL", help="Compare this model too; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the calls, documents or conversations of a plan cost in a month, model by model.

    Prices are today's, of the catalogue and of [catalog] in steadyhand.toml, or the plan's own. A price that is not
    known is said to be. Plans hosting, fine-tuning, and when a build pays for itself, too.

    Four plans come with the program, to copy and change: chatbot, documents, on-premise and questions.

    \b
    Examples:
      steadyhand cost plan chatbot
      steadyhand cost plan my-plan.toml --model openai:gpt-4o --json
    """
    shell = shell_of(context)
    path = _path(file)
    written = plan_file.read(path)
    now = datetime.now(UTC)
    compared = _prices(written, model or (), catalog(shell, now))
    if as_json:
        shell.terminal.json(figures(written.plan, compared))
    else:
        show(shell.terminal, written.plan, compared)
    shell.terminal.say(f"prices of {now:%Y-%m-%d}, {price_list.SOURCE}")
    if path != file:
        shell.terminal.say(f"the plan: {path}")


def _path(file: Path) -> Path:
    """The file itself, or the shipped plan of this name where there is no such file."""
    if file.suffix or file.name != str(file) or file.exists():
        return file
    folder = examples("cost-plans")
    shipped = folder / f"{file}.toml"
    if not shipped.is_file():
        names = sorted(each.stem for each in folder.glob("*.toml"))
        hint = did_you_mean(str(file), names) or f"plans that come with the program: {', '.join(names)}"
        raise NotFound(f"expected a cost plan in {file}; there is no such file", hint=hint)
    return shipped


def _prices(written: Written, more: Sequence[str], known: Catalog) -> Mapping[str, Price | None]:
    """The price of each model; the plan's own count before the catalogue's. Raises `InvalidInput`."""
    found: dict[str, Price | None] = {}
    for name in dict.fromkeys([*written.plan.models, *more]):
        own = written.plan.price.get(name)
        entry = None if own else known.find(ModelId(name))
        if own is None and entry is None:
            raise plan_file.unknown_model(written, name, known.ids())
        found[name] = own.price() if own else entry.price if entry else None
    return found
