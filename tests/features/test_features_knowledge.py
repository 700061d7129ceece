"""`[knowledge]` in a contract: what may be asked of a search, and what is refused before the first run."""

from pathlib import Path

import pytest
from contracts import TRIAGE, known, write

from steadyhand.features.check import problems
from steadyhand.features.load import load
from steadyhand.types.condition import Condition
from steadyhand.types.feature import Knowledge

TOML = "features/triage/feature.toml"
BASED = TRIAGE + '[knowledge]\nbase = "policies"\n'
LOCAL = BASED.replace(', "openai:gpt-4o-mini"', "")


def told(root: Path) -> list[str]:
    return [str(problem).removeprefix(f"{TOML}:") for problem in problems(root, known())]


def meant(root: Path, toml: str) -> Knowledge | None:
    write(root, toml=toml)
    loaded = load(root, "triage", known())
    assert loaded.problems == ()
    assert loaded.feature is not None
    return loaded.feature.knowledge


def test_without_a_wish_a_search_is_left_as_it_is(tmp_path: Path) -> None:
    assert meant(tmp_path, BASED) == Knowledge("policies", "", 8, True)


def test_a_contract_says_how_documents_are_searched(tmp_path: Path) -> None:
    wishes = (
        'queries = 3\nrerank = "lexical"\nmax_tokens = 1500\nexpand = true\ndiversity = 0.3\n'
        '[knowledge.filter]\ndepartment = "hr"\nyear = { gte = 2024 }\ntopic = "{{ input.subject }}"\n'
    )
    assert meant(tmp_path, BASED + wishes) == Knowledge(
        "policies",
        "",
        8,
        True,
        queries=3,
        rerank="lexical",
        max_tokens=1_500,
        expand=True,
        diversity=0.3,
        where=(
            Condition("department", "eq", "hr"),
            Condition("year", "gte", 2024),
            Condition("topic", "eq", "{{ input.subject }}"),
        ),
    )


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("queries = 9\n", "17: knowledge.queries: expected"),
        (
            'rerank = "lexcial"\n',
            "17: knowledge.rerank: there is no reranker 'lexcial'. hint: did you mean \"lexical\"",
        ),
        ('rerank = "onnx"\n', "17: knowledge.rerank: expected onnx:FOLDER; found no folder"),
        ("max_tokens = 10\n", "17: knowledge.max_tokens: expected"),
        ("min_score = 0.2\n", "17: knowledge.min_score: expected an output that can say that nothing was found"),
        ("filter = { year = { ge = 1 } }\n", "17: knowledge.filter: 'year': expected a comparison"),
        (
            'filter = { topic = "{{ input.topic }}" }\n',
            "17: knowledge.filter.topic: template: input has no field 'topic'",
        ),
        (
            'filter = { channel = "{{ input.channel }}" }\n',
            "17: knowledge.filter.channel: input.channel may be left out; then the filter means nothing",
        ),
    ],
)
def test_a_wish_that_cannot_be_is_told_with_its_line(tmp_path: Path, written: str, message: str) -> None:
    write(tmp_path, toml=BASED + written)
    [problem] = told(tmp_path)
    assert problem.startswith(message)


@pytest.mark.parametrize(("written", "key"), [("queries = 2\n", "queries"), ('rerank = "model"\n', "rerank")])
def test_what_a_language_model_does_needs_one(tmp_path: Path, written: str, key: str) -> None:
    write(tmp_path, toml=LOCAL + written)
    [problem] = told(tmp_path)
    assert problem.startswith(f"17: knowledge.{key}: expected a language model to ask; found none")
