"""Templates of a contract: Jinja in a sandbox, in which every value that is placed stays a value.

The tree of a template is changed before it is compiled: each `{{ … }}` that reads the input becomes a `Placed` text
that knows its field, so nothing has to be found again in the finished prompt and no value is ever parsed.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Self

from jinja2 import StrictUndefined, Template, TemplateError, Undefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from steadyhand.errors import ContractInvalid
from steadyhand.types.json import JsonObject

PASSAGES = "passages"


class Placed(str):
    """A text that a template took from outside the contract. `field` is `body` for `input.body`, or `passages`."""

    __slots__ = ("field",)

    field: str

    def __new__(cls, text: str, field: str) -> Self:
        self = super().__new__(cls, text)
        self.field = field
        return self

    def __str__(self) -> str:
        return self  # Jinja calls str() on everything it puts out; this keeps the field


def parsed(source: str) -> nodes.Template:
    """The tree of a template. Raises jinja2's TemplateSyntaxError, also for filters and tests that do not exist."""
    _ENVIRONMENT.compile(_ENVIRONMENT.parse(source))
    return _ENVIRONMENT.parse(source)


def pieces(source: str, values: JsonObject, passage_count: int) -> list[str]:
    """The rendered template in pieces: plain `str` is the contract's own text, `Placed` is not.

    `values` are the input's fields, all of the schema's present (None where the caller gave none).
    Raises `ContractInvalid` when the template fails on these values.
    """
    try:
        return list(_compiled(source).generate({"input": values, PASSAGES: range(passage_count)}))
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ContractInvalid(
            f"the template cannot be rendered: {error}", hint="steadyhand check shows where"
        ) from error


def path_of(node: nodes.Node) -> tuple[str, ...]:
    """`("input", "customer", "name")` for `input.customer.name` and `input["customer"]["name"]`, else ()."""
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        inner = path_of(node.node)
        return (*inner, node.attr) if inner else ()
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        inner = path_of(node.node)
        return (*inner, node.arg.value) if inner else ()
    return ()


def fields_of(source: str) -> frozenset[str]:
    """The fields of the input that a template names. Raises like `parsed`."""
    paths = (path_of(node) for node in parsed(source).find_all((nodes.Getattr, nodes.Getitem)))
    return frozenset(path[1] for path in paths if len(path) > 1 and path[0] == "input")


def bindings(tree: nodes.Template) -> Iterator[tuple[str, nodes.Node]]:
    """The names that `for` and `set` bind, each with the expression it gets its value from."""
    for statement in tree.find_all((nodes.For, nodes.Assign)):
        assert isinstance(statement, nodes.For | nodes.Assign)
        source = statement.iter if isinstance(statement, nodes.For) else statement.node
        for node in (statement.target, *statement.target.find_all(nodes.Name)):
            if isinstance(node, nodes.Name):
                yield node.name, source


class _Environment(ImmutableSandboxedEnvironment):
    """`input.items` is the field `items`, never the method of a dictionary."""

    def getattr(self, obj: object, attribute: str) -> object:
        if isinstance(obj, dict):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)


def _place(value: object, field: str) -> Placed:
    if isinstance(value, Undefined):
        return Placed(str(value), field)  # raises, with the name that is missing
    if value is None or field == PASSAGES:
        return Placed("", field)
    return Placed(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), field)


_ENVIRONMENT = _Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
_ENVIRONMENT.globals.clear()
_ENVIRONMENT.filters["_place"] = _place


@lru_cache(maxsize=256)
def _compiled(source: str) -> Template:
    tree = _ENVIRONMENT.parse(source)
    bound: dict[str, str] = {}
    for name, expression in bindings(tree):
        field = _field(expression, bound)
        if field is not None:
            bound[name] = field
    for output in tree.find_all(nodes.Output):
        output.nodes = [_marked(node, bound) for node in output.nodes]
    return _ENVIRONMENT.from_string(tree)


def _marked(node: nodes.Expr, bound: Mapping[str, str]) -> nodes.Expr:
    field = None if isinstance(node, nodes.TemplateData) else _field(node, bound)
    if field is None:
        return node
    return nodes.Filter(node, "_place", [nodes.Const(field)], [], None, None, lineno=node.lineno)


def _field(node: nodes.Node, bound: Mapping[str, str]) -> str | None:
    """The field that an expression reads, None when it reads none; `input` when it reads the whole input."""
    found: str | None = None
    for inner in (node, *node.find_all(nodes.Expr)):
        path = path_of(inner)
        if len(path) > 1 and path[0] == "input" and "input" not in bound:
            return path[1]
        if len(path) == 1 and found is None:
            found = bound.get(path[0], path[0] if path[0] in ("input", PASSAGES) else None)
    return found
