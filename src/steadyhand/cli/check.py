"""Check every contract and the gateway's settings."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from steadyhand import settings
from steadyhand.catalog.models import Catalog
from steadyhand.catalog.providers import providers
from steadyhand.cli._figures import count
from steadyhand.cli._shell import AsJson, new_app, shell_of
from steadyhand.features.check import problems
from steadyhand.features.contract import contract_schema
from steadyhand.features.files import feature_names
from steadyhand.features.known import Known, known
from steadyhand.features.load import load
from steadyhand.pipeline.gateway import check as gateway_check
from steadyhand.routing.exclusions import withdrawn_soon
from steadyhand.types.ports import FindModel

app = new_app()


@app.command()
def check(
    context: typer.Context,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of feature.toml, for editors.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check every contract, gold set and name of the gateway; prints one line per problem, and exits with 1 then.

    A line is `file:line: message hint: what to do`. Nothing is started and no model is asked. A model that its
    vendor stops serving within 90 days is noted, and is no problem yet.

    \b
    Examples:
      steadyhand check
      steadyhand check --schema > feature.schema.json
    """
    shell = shell_of(context)
    if schema:
        shell.terminal.json(contract_schema())
        return
    configured = settings.read(shell.root)
    catalog = Catalog(providers(configured.providers), now=lambda: datetime.now(UTC), rows=configured.catalog)
    known_names = known(configured, catalog)
    names = feature_names(configured.root)
    found = problems(configured.root, known_names) + gateway_check.problems(configured, known_names, names)
    if as_json:
        shell.terminal.json(found)
    else:
        for problem in found:
            shell.terminal.data(str(problem))
    for note in _notes(configured.root, known_names, catalog.find):
        shell.terminal.say(f"note: {note}")
    if not found:
        shell.terminal.say(f"{count(len(names), 'feature')} good")
    raise typer.Exit(min(len(found), 1))


def _notes(root: Path, known_names: Known, find: FindModel) -> Iterator[str]:
    """What is no fault yet, by feature."""
    today = datetime.now(UTC).date()
    for name in feature_names(root):
        feature = load(root, name, known_names).feature
        named = (*feature.models, feature.fallback_model) if feature else ()
        for model in (find(model) for model in named if model):
            if model is not None and (note := withdrawn_soon(model, today)):
                yield f"{name}: {note}"
