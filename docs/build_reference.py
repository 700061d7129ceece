"""Fills `docs/reference/` from the code: settings, errors, contract, commands, routes, classes, providers, members.

    python docs/build_reference.py

The pages are written by hand; what stands between `<!-- generated: NAME -->` and `<!-- end -->` comes from here.
The result is committed, and `tests/test_docs.py` fails when it is not what the code says today.
"""

import ast
import importlib
import inspect
import json
import pkgutil
import re
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, get_args, get_origin

import pydantic
import typer.main
from fastapi.dependencies.utils import get_dependant

import steadyhand
from steadyhand import errors, plugins, settings
from steadyhand.access.roles import ROLES, Action, may
from steadyhand.catalog.providers import example, shipped
from steadyhand.checks.cel import FUNCTIONS
from steadyhand.features import shorttypes
from steadyhand.features.contract import contract_schema
from steadyhand.features.known import RECIPES
from steadyhand.types.run import Principal

REFERENCE = Path(__file__).parent / "reference"
SCHEMA = "contract.schema.json"

_BLOCK = re.compile(r"(<!-- generated: (?P<name>[\w.]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_SHORT_TYPES = (
    "string", "text <= 20000", "integer", "integer 0..10", "number 0..1", "boolean", "high | medium | low",
    "(high | low)[]", "string[]", "date ?", "datetime", "email", "url", "language",
)  # fmt: skip


def pages() -> dict[str, str]:
    """Every file of the reference as it should be, by name."""
    schema = json.dumps(contract_schema(), indent=2, ensure_ascii=False) + "\n"
    return {
        SCHEMA: schema,
        **{path.name: filled(path.read_text(encoding="utf-8")) for path in sorted(REFERENCE.glob("*.md"))},
    }


def filled(page: str) -> str:
    """A page with its generated blocks as the code says today. Raises `KeyError` for a block nobody generates."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{_generated(found['name']).strip()}\n\n{found[3]}", page)


def setting_names() -> list[str]:
    """Dotted names of all settings; NAME stands for a name of the workspace's own."""
    return [row[0].strip("`") for row in _settings_rows(settings.Settings, "")]


def error_classes() -> list[type[errors.SteadyhandError]]:
    """Every class of the tree that has a code of its own, also those outside `errors.py`."""
    for module in pkgutil.walk_packages(steadyhand.__path__, "steadyhand."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return [kind for kind in _below(errors.SteadyhandError) if "code" in vars(kind)]


def command_names() -> list[str]:
    """`steadyhand db backup` and so on, also the groups."""
    return [name for command in plugins.names("cli") for name, _ in _commands(command)]


def _generated(block: str) -> str:
    name, _, argument = block.partition(".")
    return _BLOCKS[name](argument) if argument else _BLOCKS[name]()


def _settings() -> str:
    return _table(("Setting", "Type", "Default", "What it is"), _settings_rows(settings.Settings, ""))


def _settings_rows(model: type[pydantic.BaseModel], prefix: str) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        inner = _model_inside(field.annotation)
        if inner is None:
            default = "required" if field.is_required() else _shown(field.get_default(call_default_factory=True))
            yield f"`{prefix}{field.alias or name}`", _type_name(field.annotation), default, field.description or ""
        else:
            is_named = "dict" in str(field.annotation)
            if "list" in str(field.annotation):
                yield f"`{prefix}{name}`", "list of texts or tables", "", field.description or ""
            yield from _settings_rows(inner, f"{prefix}{name}.NAME." if is_named else f"{prefix}{name}.")


def _model_inside(annotation: Any) -> type[pydantic.BaseModel] | None:
    classes = [it for it in (annotation, *get_args(annotation)) if inspect.isclass(it)]
    return next((it for it in classes if issubclass(it, pydantic.BaseModel)), None)


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:
        return _type_name(get_args(annotation)[0])
    options = [it for it in get_args(annotation) if it is not type(None)]
    if not options:
        return _PLAIN[annotation.__name__]
    if all(isinstance(it, str) for it in options):
        return " or ".join(f"`{it}`" for it in options)
    holder = {list: "list of ", dict: "table of "}.get(get_origin(annotation))
    return f"{holder}{_type_name(options[-1])}" if holder else " or ".join(map(_type_name, options))


_PLAIN = {
    "str": "text",
    "int": "integer",
    "float": "number",
    "Decimal": "number",
    "bool": "true or false",
    "Path": "path",
}


def _errors() -> str:
    rows = [
        (f"`{kind.code}`", str(kind.status), "yes" if kind.is_retryable else "no", _about(kind))
        for kind in error_classes()
    ]
    return _table(("Code", "HTTP status", "Retry helps", "Meaning"), sorted(rows))


def _error_tree() -> str:
    tree = inspect.getdoc(errors) or ""
    return f"```text\n{tree[tree.index('SteadyhandError') :]}\n```"


def _contract() -> str:
    schema = contract_schema()
    return _table(("Key", "Type", "Default", "What it is"), _contract_rows(schema, schema, ""))


def _contract_rows(table: dict[str, Any], whole: dict[str, Any], prefix: str) -> Iterator[tuple[str, ...]]:
    for name, key in table["properties"].items():
        inner, is_list = _table_inside(key, whole)
        default = "required" if name in table.get("required", ()) else "" if inner else _shown(key.get("default"))
        shown = f"[[{prefix}{name}]]" if is_list else f"[{prefix}{name}]" if inner else f"{prefix}{name}"
        kind = "list of tables" if is_list else "table" if inner else _json_type(key)
        yield f"`{shown}`", kind, default, key.get("description", "")
        if inner:
            yield from _contract_rows(inner, whole, f"{prefix}{name}.")


def _table_inside(key: dict[str, Any], whole: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
    """The table that a key holds, or that each item of its list is."""
    for option in (key, *key.get("anyOf", ())):
        for holder, is_list in ((option, False), (option.get("items", {}), True)):
            if "$ref" in holder:
                return whole["$defs"][holder["$ref"].rsplit("/", 1)[1]], is_list
    return None, False


def _json_type(key: dict[str, Any]) -> str:
    found = next(option for option in key.get("anyOf", [key]) if option.get("type") != "null")
    if "enum" in found:
        return " or ".join(f"`{it}`" for it in found["enum"])
    names = {"object": "table", "array": "list", "string": "text"}
    bounds = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<="}
    limits = [f"{sign} {found[bound]:g}" for bound, sign in bounds.items() if bound in found]
    return f"{names.get(found['type'], found['type'])} {', '.join(limits)}".strip()


def _short_types() -> str:
    parsed = [(short, *shorttypes.field_schema(short)) for short in _SHORT_TYPES]
    rows = [(f"`{short}`", _code(schema), "yes" if is_required else "no") for short, schema, is_required in parsed]
    return _table(("Short type", "JSON Schema", "Required"), rows)


def _functions() -> str:
    return ", ".join(f"`{name}`" for name in sorted(FUNCTIONS)) + "."


def _program() -> str:
    """The commands with the first line of what they say about themselves."""
    rows = [
        (_linked(f"steadyhand {name}"), _first_line(plugins.load("cli", name).__doc__))
        for name in plugins.names("cli")
    ]
    return _table(("Command", "What it does"), rows)


def _linked(command: str) -> str:
    return f"[`{command}`](#{command.replace(' ', '-')})"


def _command_helps() -> str:
    return "\n\n".join(_help(name, command) for file in plugins.names("cli") for name, command in _commands(file))


def _commands(file: str) -> Iterator[tuple[str, Any]]:
    """The command of a file, and the commands below it."""
    command: Any = typer.main.get_command(plugins.load("cli", file).app)
    yield f"steadyhand {file}", command
    for name, below in getattr(command, "commands", {}).items():
        yield f"steadyhand {file} {name}", below


def _help(name: str, command: Any) -> str:
    """What a command says about itself, its examples, its arguments and options."""
    about, _, examples = inspect.cleandoc(command.help or "").partition("\b\n")
    parts = [f"## {name}", about.strip()]
    if lines := [line.strip() for line in examples.splitlines() if line.strip() and not line.startswith("Example")]:
        parts.append("```sh\n" + "\n".join(lines) + "\n```")
    rows = [_parameter(found) for found in command.params if found.name != "help"]
    parts += [_table(("Argument or option", "What it is", "Default"), rows)] if rows else []
    return "\n\n".join(parts)


def _parameter(found: Any) -> tuple[str, str, str]:
    is_option = found.param_type_name == "option"
    shown = ", ".join(found.opts) if is_option else (found.metavar or found.name)
    value = f" {found.metavar}" if is_option and found.metavar else ""
    default = "required" if found.required else "" if callable(found.default) else _shown(found.default)
    return f"`{shown}{value}`", found.help or "", "" if default == "`false`" else default


def _routes() -> str:
    rows = [
        (
            f"`{route.method} {route.path}`",
            _needs(route.needs),
            _query(route.path, route.endpoint),
            _first_line(route.endpoint.__doc__),
        )
        for route in importlib.import_module("steadyhand.serve.routes").ROUTES
    ]
    return _table(("Route", "Needs", "Query parameters", "What it does"), rows)


def _gateway() -> str:
    rows = [
        (
            f"`{route.method} {route.path}`",
            _needs(route.needs),
            f"`{route.dialect.NAME}`",
            _first_line(route.endpoint.__doc__),
        )
        for route in importlib.import_module("steadyhand.serve.gateway.routes").ROUTES
    ]
    return _table(("Route", "Needs", "Dialect", "What it does"), rows)


def _query(path: str, endpoint: Callable[..., Any]) -> str:
    """The query parameters of a route, each with its default where it has one."""
    plain_path = re.sub(r":\w+\}", "}", path)  # the framework takes `{path:path}` for a parameter of another name
    asked = get_dependant(path=plain_path, call=endpoint)
    params = [param for part in (asked, *asked.dependencies) for param in part.query_params]
    found = [(param.alias, param.field_info) for param in params]
    return ", ".join(
        f"`{name}`"
        if field.is_required() or field.default in (None, "")
        else f"`{name}={json.dumps(field.default)}`"
        for name, field in found
    )


def _needs(actions: Sequence[str]) -> str:
    if set(actions) == set(get_args(Action)):
        return "any key"
    return " or ".join(f"`{it}`" for it in actions) or "no key"


def _roles() -> str:
    rows = [
        (f"`{role}`", ", ".join(f"`{it}`" for it in get_args(Action) if may(Principal(role, role), it)))
        for role in ROLES
    ]
    return _table(("Role", "May"), rows)


def _class(place: str) -> str:
    """The docstring of a class, named `module.Class`, and the signatures of its public methods with theirs."""
    module, _, name = place.rpartition(".")
    kind = getattr(importlib.import_module(f"steadyhand.{module}"), name)
    methods = [f"```python\n{_signature(it)}\n```\n\n{inspect.getdoc(it) or ''}".strip() for it in _methods(kind)]
    return "\n\n".join([inspect.getdoc(kind) or "", *methods])


def _methods(kind: type) -> Iterator[Callable[..., Any]]:
    for name, member in vars(kind).items():
        method = member.__func__ if isinstance(member, classmethod) else member
        if inspect.isfunction(method) and not name.startswith("_"):
            yield method


def _signature(method: Callable[..., Any]) -> str:
    """The first lines of its source, as they are written."""
    source = textwrap.dedent(inspect.getsource(method))
    (written,) = ast.parse(source).body
    assert isinstance(written, (ast.FunctionDef, ast.AsyncFunctionDef))
    lines = source.splitlines()[written.lineno - 1 : written.body[0].lineno - 1]
    return "\n".join(lines) + " ..."


def _recipes() -> str:
    """The shipped recipes, read as the contracts they are."""
    found = {
        path.parent.name: tomllib.loads(path.read_text("utf-8")) for path in sorted(RECIPES.glob("*/feature.toml"))
    }
    return _table(
        ("Recipe", "Purpose"), [(f"`recipe:{name}`", recipe["purpose"]) for name, recipe in found.items()]
    )


def _providers() -> str:
    rows = [
        (
            f"`{it.name}`",
            ", ".join((it.dialect, *it.also)),
            f"`{it.base_url}`" if it.base_url else "built in",
            _named(it.key_variable),
            it.place,
            it.clearance,
            f"`steadyhand models try {it.name}:{example(it.name)}`" if example(it.name) else "",
        )
        for it in shipped().values()
    ]
    return _table(("Provider", "Dialects", "Base URL", "Key variable", "Place", "May see up to", "Try it"), rows)


def _named(variable: str) -> str:
    return f"`{variable}`" if variable else "none"


def _members(folder: str) -> str:
    rows = []
    for name in plugins.names(folder):
        module = plugins.load(folder, name)
        rows.append((f"`{name}`", _first_line(module.__doc__), _offer(module)))
    return _table(("Name", "What it does", "Offers"), rows)


def _offer(module: ModuleType) -> str:
    """What a member says about itself beside its functions."""
    if hasattr(module, "EXTENSIONS"):
        return ", ".join(f"`{it}`" for it in module.EXTENSIONS)
    raises_to = getattr(module, "RAISES_TO", "")
    return (
        "a flag in the ledger" if raises_to == "public" else f"raises a run to `{raises_to}`" if raises_to else ""
    )


def _below(kind: type) -> Iterator[Any]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)


def _about(kind: type) -> str:
    return " ".join((vars(kind).get("__doc__") or "").split())


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def _code(value: object) -> str:
    return f"`{json.dumps(value)}`"


def _shown(value: object) -> str:
    """A default as one writes it; empty for none."""
    if value in (None, "", [], {}):
        return ""
    return _code(value if isinstance(value, (bool, int, float, str, list)) else str(value))


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


_BLOCKS: dict[str, Callable[..., str]] = {
    "settings": _settings,
    "errors": _errors,
    "error_tree": _error_tree,
    "contract": _contract,
    "short_types": _short_types,
    "functions": _functions,
    "program": _program,
    "commands": _command_helps,
    "routes": _routes,
    "gateway": _gateway,
    "roles": _roles,
    "class": _class,
    "recipes": _recipes,
    "providers": _providers,
    "members": _members,
}


def main() -> None:
    for name, content in pages().items():
        (REFERENCE / name).write_text(content, encoding="utf-8")
        print(f"wrote docs/reference/{name}")


if __name__ == "__main__":
    main()
