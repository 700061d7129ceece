"""Everything that is wrong with `[gateway]` in the settings of a workspace, at once."""

from collections.abc import Collection, Iterator

from steadyhand.features.known import Known
from steadyhand.hints import did_you_mean
from steadyhand.settings import FILE, GatewayModelSettings, GatewaySettings, Settings
from steadyhand.tables import lines
from steadyhand.tables.lines import KeyPath
from steadyhand.types.feature import Problem
from steadyhand.types.ids import ModelId
from steadyhand.types.text import DataClass, highest, rank

_Flaw = tuple[KeyPath, str, str]  # where, what was expected and found, and what to do


def problems(configured: Settings, known: Known, features: Collection[str]) -> list[Problem]:
    """One problem per fault, by line. `features` are the names that are taken already."""
    places = lines.locate((configured.root / FILE).read_text(encoding="utf-8"))
    found = [
        Problem(FILE, lines.nearest(places, path), f"{'.'.join(map(str, path))}: {message}.", hint)
        for path, message, hint in _flaws(configured.gateway, known, features)
    ]
    return sorted(found, key=lambda problem: problem.line)


def _flaws(gateway: GatewaySettings, known: Known, features: Collection[str]) -> Iterator[_Flaw]:
    for guardrail in gateway.guardrails:
        if guardrail not in known.guardrails:
            message = f"expected one of {', '.join(known.guardrails)}; found {guardrail!r}"
            yield ("gateway", "guardrails"), message, did_you_mean(guardrail, known.guardrails)
    for name, table in gateway.models.items():
        if name in features:
            yield ("gateway", "models", name), "expected a name of its own; a feature has it", "rename one of them"
        yield from _model_flaws(("gateway", "models", name), table, known)
        yield from _clearance_flaws(("gateway", "models", name, "try"), table, gateway.data_class, known)


def _model_flaws(path: KeyPath, table: GatewayModelSettings, known: Known) -> Iterator[_Flaw]:
    for index, model in enumerate(table.try_):
        if known.clearance_of(ModelId(model)) is None:
            hint = did_you_mean(model, known.models()) or "steadyhand models list"
            yield (*path, "try", index), f"{model!r} is not a model of the catalogue", hint
    if table.order == "weight" and not table.weights:
        hint = f'weights = {{ "{table.try_[0]}" = 1 }}'
        yield (*path, "order"), 'expected weights beside order = "weight"; found none', hint
    if table.weights and table.order != "weight":
        message = f'expected order = "weight" beside them; the order is {table.order!r}'
        yield (*path, "weights"), message, 'write order = "weight"'
    for model in table.weights:
        if model not in table.try_:
            yield (*path, "weights", model), "expected a model of try", did_you_mean(model, table.try_)


def _clearance_flaws(path: KeyPath, table: GatewayModelSettings, least: DataClass, known: Known) -> Iterator[_Flaw]:
    """Every model is known, and none may see what each call under this name holds."""
    clearances = [known.clearance_of(ModelId(model)) for model in table.try_]
    seen = [clearance for clearance in clearances if clearance is not None]
    needed = table.data_class or least
    if len(seen) == len(clearances) and rank(needed) > rank(highest(*seen)):
        message = f"expected a model that may see {needed} data; they may see up to {highest(*seen)}"
        yield path, message, "add a local model, or raise clearance in [providers.NAME]"
