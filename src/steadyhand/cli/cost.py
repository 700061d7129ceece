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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A cost plan in TOML.")],
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="MODEL", help="Compare this model too; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the calls, documents or conversations of a plan cost in a month, model by model.

    Prices are today's, of the catalogue and of [catalog] in steadyhand.toml, or the plan's own. A price that is not
    known is said to be. Plans hosting, fine-tuning, and when a build pays for itself, too.

    \b
    Examples:
      steadyhand cost plan chatbot.toml
      steadyhand cost plan questions.toml --model openai:gpt-4o --json
    """
    shell = shell_of(context)
    written = plan_file.read(file)
    now = datetime.now(UTC)
    compared = _prices(written, model or (), catalog(shell, now))
    if as_json:
        shell.terminal.json(figures(written.plan, compared))
    else:
        show(shell.terminal, written.plan, compared)
    shell.terminal.say(f"prices of {now:%Y-%m-%d}, {price_list.SOURCE}")


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
