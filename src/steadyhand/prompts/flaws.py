"""What is wrong with a template, before a run finds out: syntax, unknown names, constructs that blur origins."""

from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import TemplateSyntaxError, nodes

from steadyhand.hints import did_you_mean
from steadyhand.prompts.template import PASSAGES, bindings, parsed, path_of
from steadyhand.types.json import JsonSchema, fields

_STATEMENTS = (nodes.Output, nodes.If, nodes.For, nodes.Assign)
_LOOP_NUMBERS = frozenset(("index", "index0", "revindex", "revindex0", "first", "last", "length"))
_PASSAGES_MAY_STAND_IN = (nodes.Output, nodes.If, nodes.And, nodes.Or, nodes.Not)


@dataclass(frozen=True, slots=True)
class TemplateFlaw:
    """Something wrong with a template. `line` counts from 1."""

    line: int
    message: str
    hint: str = ""


def flaws(source: str, input_schema: JsonSchema, *, has_passages: bool) -> list[TemplateFlaw]:
    """Everything wrong with a template, in the order of its lines. It may name `input.<field>` and `passages`."""
    try:
        tree = parsed(source)
    except TemplateSyntaxError as error:
        return [TemplateFlaw(error.lineno, f"template: {error.message}", "fix the Jinja syntax")]
    found = [
        *_forbidden_statements(tree),
        *_forbidden_uses(tree),
        *_unknown_names(tree, has_passages=has_passages),
        *_unknown_fields(tree, input_schema),
    ]
    return sorted(dict.fromkeys(found), key=lambda flaw: flaw.line)


def _forbidden_statements(tree: nodes.Template) -> Iterator[TemplateFlaw]:
    """Captured output (macros, blocks, filters over text) would lose whose words it holds."""
    for statement in tree.find_all(nodes.Stmt):
        if not isinstance(statement, _STATEMENTS):
            tag = type(statement).__name__.lower()
        elif isinstance(statement, nodes.For) and statement.recursive:
            tag = "a recursive for"
        else:
            continue
        message = f"template: expected only {{{{ … }}}}, if, for and set; found {tag}"
        yield TemplateFlaw(statement.lineno, message, "write the prompt without it")


def _forbidden_uses(tree: nodes.Template) -> Iterator[TemplateFlaw]:
    for access in tree.find_all(nodes.Getattr):
        path = path_of(access)
        if path[:1] == ("loop",) and path[1] not in _LOOP_NUMBERS:
            yield TemplateFlaw(access.lineno, f"template: loop.{path[1]} is not offered", "use loop.index")
    for node in (tree, *tree.find_all(nodes.Node)):
        for child in node.iter_child_nodes():
            is_passages = isinstance(child, nodes.Name) and child.name == PASSAGES
            if is_passages and not isinstance(node, _PASSAGES_MAY_STAND_IN):
                message = "template: passages are placed as a whole, because citations count them"
                yield TemplateFlaw(child.lineno, message, "write {{ passages }}")


def _unknown_names(tree: nodes.Template, *, has_passages: bool) -> Iterator[TemplateFlaw]:
    known = {"input", "loop", *(name for name, _ in bindings(tree))}
    expected = "input.<field>"
    if has_passages:
        known.add(PASSAGES)
        expected += " or passages"
    for name in tree.find_all(nodes.Name):
        if name.name == PASSAGES and name.name not in known:
            yield TemplateFlaw(name.lineno, "template: there are no passages without knowledge", "add [knowledge]")
        elif name.name not in known:
            message = f"template: expected {expected}; found {name.name!r}"
            yield TemplateFlaw(name.lineno, message, f"write input.{name.name}")


def _unknown_fields(tree: nodes.Template, schema: JsonSchema) -> Iterator[TemplateFlaw]:
    for access in tree.find_all((nodes.Getattr, nodes.Getitem)):
        path = path_of(access)
        if len(path) < 2 or path[0] != "input":
            continue
        holder: object = schema
        for depth, name in enumerate(path[1:], start=1):
            known = fields(holder) if isinstance(holder, dict) else {}
            if not known:
                break
            if name not in known:
                message = f"template: {'.'.join(path[:depth])} has no field {name!r}"
                yield TemplateFlaw(
                    access.lineno, message, did_you_mean(name, known) or f"it has {', '.join(known)}"
                )
                break
            holder = known[name]
