"""A cost plan as it is written: a TOML file that a product owner can read. See `docs/how-to/plan-costs.md`."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from steadyhand.errors import InvalidInput, NotFound
from steadyhand.hints import did_you_mean
from steadyhand.tables import faults, lines
from steadyhand.tables.lines import KeyPath
from steadyhand.types.feature import Problem
from steadyhand.value.plan_tables import PlanFile

_EXAMPLES = "docs/how-to/plan-costs.md shows plans"


@dataclass(frozen=True, slots=True)
class Written:
    """A plan that was read, and where its keys stand."""

    plan: PlanFile
    path: Path
    places: Mapping[KeyPath, int]

    def problem(self, key: KeyPath, message: str, hint: str) -> InvalidInput:
        """An error about one of its keys."""
        place = Problem(str(self.path), lines.nearest(self.places, key), message)
        return InvalidInput(str(place), hint=hint)


def read(path: Path) -> Written:
    """The plan in a file. Raises `NotFound`, or `InvalidInput` with everything that is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text, parse_float=Decimal)
    except FileNotFoundError:
        raise NotFound(f"expected a cost plan in {path}; there is no such file", hint=_EXAMPLES) from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{path}: expected UTF-8; found other bytes", hint="save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        line, message = faults.syntax(error, text)
        raise InvalidInput(str(Problem(str(path), line, message)), hint="fix the TOML") from None
    places = lines.locate(text)
    try:
        plan = PlanFile.model_validate(raw)
    except ValidationError as error:
        found = sorted(_problems(error, path, places), key=lambda problem: problem.line)
        raise InvalidInput("\n".join(map(str, found)), hint=_EXAMPLES) from None
    written = Written(plan, path, places)
    for key, message, hint in _flaws(plan):
        raise written.problem(key, message, hint)
    return written


def unknown_model(written: Written, model: str, known: tuple[str, ...]) -> InvalidInput:
    """The error for a model of the plan that neither the catalogue nor the plan itself has a row for."""
    models = written.plan.models
    key: KeyPath = ("models", models.index(model)) if model in models else ("models",)
    hint = did_you_mean(model, [*known, *written.plan.price]) or f"steadyhand models list, or add [price.{model!r}]"
    return written.problem(key, f"models: {model!r} is not a model of the catalogue, nor a price of the plan", hint)


def _problems(error: ValidationError, path: Path, places: Mapping[KeyPath, int]) -> Iterator[Problem]:
    schema: Mapping[str, Any] = PlanFile.model_json_schema()
    for fault in error.errors(include_url=False, include_context=True):
        key = fault["loc"]
        message, hint = faults.explain(fault, _named(key), schema, {})
        yield Problem(str(path), lines.nearest(places, key), f"{message}.", hint)


def _named(key: KeyPath) -> str:
    """`call[0].per_month`, as faults of the plan as a whole are worded too."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).removeprefix(".")


def _flaws(plan: PlanFile) -> Iterator[tuple[KeyPath, str, str]]:
    """Keys that do not go together."""
    for kind in ("chat", "document", "question", "call"):
        for index, table in enumerate(getattr(plan, kind)):
            if (table.per_month is None) == (table.per_day is None):
                found = "none of them" if table.per_month is None else "both"
                yield (kind, index), f"{kind}[{index}]: expected per_month or per_day; found {found}", "say one"
            if table.cached_tokens > min(call.input_tokens for call in table.planned().calls):
                message = f"{kind}[{index}].cached_tokens: expected a part of the prompt; found more"
                yield (kind, index, "cached_tokens"), message, "count what every prompt begins with"
    parts = (plan.chat, plan.document, plan.question, plan.call, plan.hosting, plan.training, plan.build)
    if not any(parts):
        yield (), "expected something to plan; found no table of it", _EXAMPLES
