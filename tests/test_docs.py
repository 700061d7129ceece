"""The documentation says what the code does: reference, links, snippets, commands, decisions."""

import importlib.util
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest
import typer.main

from steadyhand import plugins
from steadyhand.catalog.models import Catalog
from steadyhand.catalog.providers import providers
from steadyhand.errors import SteadyhandError
from steadyhand.features.check import problems
from steadyhand.features.contract import Contract
from steadyhand.features.known import known
from steadyhand.settings import Settings
from steadyhand.value.plan_tables import PlanFile

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
ADRS = sorted((DOCS / "adr").glob("*.md"))

_LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)(?P<path>[^)#\s]*)(?:#[^)]*)?\)")
_SNIPPET = re.compile(
    r'^```(?P<kind>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL
)
_CONTRACT = {
    "name": "some_feature",
    "purpose": "Show a part of a contract.",
    "owner": "somebody",
    "input": {"question": "text"},
    "output": {"answer": "text"},
    "models": {"try": ["local:extractive"]},
}


@dataclass(frozen=True)
class Snippet:
    """A block of code. `place` is the file and the line it begins on."""

    place: str
    kind: str
    title: str
    text: str


def snippets(*kinds: str) -> list[Snippet]:
    return [snippet for snippet in _snippets() if snippet.kind in kinds]


def _snippets() -> Iterator[Snippet]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in _SNIPPET.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Snippet(f"{page.relative_to(ROOT)}:{line}", found["kind"], found["title"] or "", found["text"])


def by_place(snippet: Snippet) -> str:
    return snippet.place


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_reference", DOCS / "build_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_code_says_today(reference: ModuleType) -> None:
    stale = [
        name
        for name, content in reference.pages().items()
        if (reference.REFERENCE / name).read_text(encoding="utf-8") != content
    ]
    assert stale == [], "run: python docs/build_reference.py"


def test_every_setting_error_and_command_is_in_the_reference(reference: ModuleType) -> None:
    settings, errors, commands = (
        (reference.REFERENCE / page).read_text(encoding="utf-8") for page in ("settings.md", "errors.md", "cli.md")
    )
    assert [name for name in reference.setting_names() if f"`{name}`" not in settings] == []
    assert [name for name in reference.setting_names() if name.endswith("_")] == []  # as one writes it
    assert [kind.code for kind in reference.error_classes() if f"`{kind.code}`" not in errors] == []
    assert [name for name in reference.command_names() if f"\n## {name}\n" not in commands] == []


def test_every_error_says_what_it_means(reference: ModuleType) -> None:
    silent = [kind.__name__ for kind in reference.error_classes() if not vars(kind).get("__doc__")]
    assert silent == []


def test_every_error_code_stands_for_one_class(reference: ModuleType) -> None:
    codes = [kind.code for kind in reference.error_classes()]
    assert len(codes) == len(set(codes))
    assert issubclass(reference.error_classes()[0], SteadyhandError)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    paths = [found["path"] for found in _LINK.finditer(page.read_text(encoding="utf-8")) if found["path"]]
    assert [path for path in paths if not (page.parent / path).exists()] == []


def test_every_page_can_be_found_from_the_list_of_pages() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    linked = {(DOCS / found["path"]).resolve() for found in _LINK.finditer(index)}
    assert [str(page) for page in DOCS.rglob("*.md") if page.name != "README.md" and page not in linked] == []


def test_every_page_that_the_code_names_is_there() -> None:
    named = re.compile(r"\bdocs/[\w./-]*\w")
    missing = {
        (str(source.relative_to(ROOT)), found)
        for source in (ROOT / "src").rglob("*.py")
        for found in named.findall(source.read_text(encoding="utf-8"))
        if not [*ROOT.glob(found), *ROOT.glob(f"{found}-*.md")]
    }
    assert missing == set()


@pytest.mark.parametrize("snippet", snippets("toml"), ids=by_place)
def test_toml_snippets_are_settings_or_parts_of_a_contract(snippet: Snippet) -> None:
    table = tomllib.loads(snippet.text)
    if snippet.title in ("feature.toml", "pyproject.toml"):
        return
    if snippet.title == "cost-plan.toml":
        PlanFile.model_validate(tomllib.loads(snippet.text, parse_float=Decimal))
        return
    if set(table) <= set(Settings.model_fields):
        Settings(**table)
    else:
        Contract.model_validate({**_CONTRACT, **table})


@pytest.mark.parametrize("snippet", [it for it in snippets("toml") if it.title == "feature.toml"], ids=by_place)
def test_whole_contracts_in_the_docs_pass_the_check(snippet: Snippet, tmp_path: Path) -> None:
    contract = tomllib.loads(snippet.text)
    folder = tmp_path / "features" / contract["name"]
    folder.mkdir(parents=True)
    (folder / "feature.toml").write_text(snippet.text, encoding="utf-8")
    (tmp_path / "knowledge" / contract["knowledge"]["base"]).mkdir(parents=True)
    configured = Settings(root=tmp_path)
    catalog = Catalog(providers(configured.providers), now=lambda: datetime.now(UTC))
    assert [str(problem) for problem in problems(tmp_path, known(configured, catalog))] == []


@pytest.mark.parametrize("snippet", snippets("json"), ids=by_place)
def test_json_snippets_parse(snippet: Snippet) -> None:
    json.loads(snippet.text)


@pytest.mark.parametrize("snippet", snippets("python"), ids=by_place)
def test_python_snippets_compile(snippet: Snippet) -> None:
    compile(snippet.text, snippet.place, "exec")


@pytest.mark.parametrize("snippet", snippets("sh"), ids=by_place)
def test_commands_in_the_docs_exist_with_their_options(snippet: Snippet) -> None:
    lines = snippet.text.replace("\\\n", " ").splitlines()
    words = [shlex.split(line.partition("$(")[2].partition(")")[0] or line, comments=True) for line in lines]
    assert [line for line in words if line and line[0] == "steadyhand" and not is_offered(line[1:])] == []


def is_offered(arguments: list[str]) -> bool:
    """Does the command exist, and does it have these options?"""
    if arguments[0] not in plugins.names("cli"):
        return False
    command = typer.main.get_command(plugins.load("cli", arguments[0]).app)
    below = getattr(command, "commands", {})
    if below:
        command = below.get(arguments[1])
    general = {"-w", "--workspace", "-q", "--quiet", "--debug"}
    offered = general | {option for found in command.params for option in found.opts} if command else set()
    return command is not None and all(word in offered for word in arguments if re.match(r"--?[a-z]", word))


def test_decisions_are_numbered_from_one_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in ADRS] == list(range(1, len(ADRS) + 1))


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.name)
def test_a_decision_fits_on_a_page_and_says_why(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(f"# {path.name[:4]} ")
    assert len(lines) <= 60
    assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Consequences"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_patronizes_its_reader(page: Path) -> None:
    words = re.compile(r"\b(?:simply|just|easy|easily|obviously|of course)\b", re.IGNORECASE)
    assert words.findall(page.read_text(encoding="utf-8")) == []
