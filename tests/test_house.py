"""The house rules that no linter knows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))

FILE_LINES = 400
FUNCTION_LINES = 50
PUBLIC_METHODS = 10
LARGER: dict[str, int] = {}  # today's exceptions with their size; the list may only shrink


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def test_no_file_has_grown_too_long_to_read() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: size for name, size in sizes.items() if size > LARGER.get(name, FILE_LINES)} == {}


def test_no_function_has_grown_too_long_to_read() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        for path in SOURCES
        for function in functions(ast.parse(path.read_text()))
        if function.end_lineno is not None and function.end_lineno - function.lineno + 1 > FUNCTION_LINES
    }
    assert long == set()


def test_no_class_does_three_things_at_once() -> None:
    wide = {
        f"{path.relative_to(ROOT)} {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        and sum(not function.name.startswith("_") for function in functions(node)) > PUBLIC_METHODS
    }
    assert wide == set()


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path.relative_to(ROOT)) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_no_module_is_an_attic() -> None:
    attics = {"utils", "util", "helpers", "helper", "common", "misc", "core", "base"}
    assert [path for path in SOURCES if path.stem in attics or path.parent.name in attics] == []


def test_no_open_end_is_left_in_the_code() -> None:
    marks = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?! ?#\d)")
    assert [str(path.relative_to(ROOT)) for path in SOURCES if marks.search(path.read_text())] == []


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", ".ci/run"])
def test_what_a_newcomer_looks_for_is_there(name: str) -> None:
    assert (ROOT / name).is_file()
