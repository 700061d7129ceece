"""`[knowledge]` of a contract: what goes with it, and what becomes of it."""

from collections.abc import Iterator

from steadyhand import plugins
from steadyhand.errors import ContractInvalid, InvalidInput
from steadyhand.features.cases import Schemas
from steadyhand.features.contract import Contract, KnowledgeTable
from steadyhand.features.flaw import Flaw
from steadyhand.features.meaning import plain_values
from steadyhand.features.sample import sample
from steadyhand.hints import did_you_mean
from steadyhand.knowledge.index import filters
from steadyhand.prompts.flaws import flaws as template_flaws
from steadyhand.prompts.template import fields_of, pieces
from steadyhand.tables.lines import KeyPath
from steadyhand.types.feature import Knowledge
from steadyhand.types.json import Json, JsonObject, JsonSchema, fields, found_field, required

_FILTER: KeyPath = ("knowledge", "filter")


def flaws(contract: Contract, schemas: Schemas) -> Iterator[Flaw]:
    """Templates that fail, names that lead nowhere, and keys that nothing can come of."""
    table = contract.knowledge
    if table is None:
        return
    if table.query:
        yield from _template_flaws(table.query, ("knowledge", "query"), schemas.input)
    yield from _rerank_flaws(table)
    yield from _filter_flaws(plain_values(table.filter), schemas.input)
    if all(model.startswith("local:") for model in contract.models.try_):
        for key, is_asked in (("queries", table.queries > 1), ("rerank", table.rerank == "model")):
            if is_asked:
                message = f"knowledge.{key}: expected a language model to ask; found none"
                yield Flaw(("knowledge", key), message, f"put one into models.try, or leave {key} out")
    if table.min_score is not None and schemas.output and not found_field(schemas.output):
        message = "knowledge.min_score: expected an output that can say that nothing was found; found none"
        yield Flaw(("knowledge", "min_score"), message, 'add found = "boolean" to [output]')


def knowledge(table: KnowledgeTable | None) -> Knowledge | None:
    if table is None:
        return None
    return Knowledge(
        base=table.base,
        query=table.query,
        top_k=table.top,
        must_cite=table.cite,
        queries=table.queries,
        rerank="" if table.rerank == _NONE else table.rerank,
        max_tokens=table.max_tokens,
        expand=table.expand,
        diversity=table.diversity,
        where=filters.parse(plain_values(table.filter)),
        min_score=table.min_score,
    )


_NONE = "none"


def _rerank_flaws(table: KnowledgeTable) -> Iterator[Flaw]:
    path = ("knowledge", "rerank")
    name, _, argument = table.rerank.partition(":")
    known = (_NONE, *plugins.names("knowledge.rerankers"))
    if name not in known:
        hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
        yield Flaw(path, f"knowledge.rerank: there is no reranker {name!r}", hint)
    elif name == "onnx" and not argument:
        yield Flaw(path, "knowledge.rerank: expected onnx:FOLDER; found no folder", "name the model's folder")


def _filter_flaws(table: JsonObject, input_schema: JsonSchema) -> Iterator[Flaw]:
    for field, wanted in table.items():
        path = (*_FILTER, field)
        try:
            filters.parse({field: wanted})
        except InvalidInput as error:
            yield Flaw(path, f"knowledge.filter: {error}", error.hint)
            continue
        for text in _texts(wanted):
            found = list(_template_flaws(text, path, input_schema))
            yield from found or _optional_flaws(text, path, input_schema)


def _template_flaws(source: str, path: KeyPath, input_schema: JsonSchema) -> Iterator[Flaw]:
    where = ".".join(map(str, path))
    found = template_flaws(source, input_schema, has_passages=False)
    yield from (Flaw(path, f"{where}: {flaw.message}", flaw.hint) for flaw in found)
    if not found and (fault := render_fault(source, input_schema)):
        yield Flaw(path, f"{where}: {fault}", "write it for every allowed input")


def _optional_flaws(source: str, path: KeyPath, input_schema: JsonSchema) -> Iterator[Flaw]:
    """Without its value a filter would have to find nothing, or everything: it has to be there."""
    for name in sorted(fields_of(source) - set(required(input_schema))):
        message = f"{'.'.join(map(str, path))}: input.{name} may be left out; then the filter means nothing"
        yield Flaw(path, message, f"make input.{name} required")


def _texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for item in value.values():
                yield from _texts(item)


def render_fault(template: str, input_schema: JsonSchema) -> str:
    """Why a template cannot be rendered for an input that is allowed; "" when it can."""
    for has_optional in (True, False):
        given = sample(input_schema, has_optional=has_optional)
        if isinstance(given, dict):
            try:
                pieces(template, {**dict.fromkeys(fields(input_schema)), **given}, 1)
            except ContractInvalid as error:
                return str(error)
    return ""
