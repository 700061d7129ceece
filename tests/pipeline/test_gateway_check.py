"""What is wrong with the gateway's settings is told before a client meets it."""

from pathlib import Path

import pytest

from steadyhand import settings
from steadyhand.features.known import Known
from steadyhand.pipeline.gateway.check import problems
from steadyhand.types.ids import ModelId
from steadyhand.types.text import DataClass

CLEARANCES: dict[ModelId, DataClass] = {ModelId("local:big"): "restricted", ModelId("openai:gpt-4o"): "internal"}
KNOWN = Known(
    clearance_of=CLEARANCES.get,
    models=lambda: tuple(CLEARANCES),
    guardrails=("pii", "secrets"),
    knowledge_bases=tuple,
    class_of=lambda _: "internal",
)


def told(root: Path, text: str) -> list[str]:
    (root / "steadyhand.toml").write_text(text, encoding="utf-8")
    return [str(problem) for problem in problems(settings.read(root), KNOWN, ["triage"])]


@pytest.mark.parametrize(
    ("table", "line", "message", "hint"),
    [
        ('try = ["openai:gpt-4"]', 2, "try.0: 'openai:gpt-4' is not a model", 'did you mean "openai:gpt-4o"?'),
        ('try = ["local:big"]\norder = "weight"', 3, "order: expected weights", 'weights = { "local:big" = 1 }'),
        (
            'try = ["local:big"]\nweights = { "local:big" = 1 }',
            3,
            "weights: expected order",
            'write order = "weight"',
        ),
        (
            'try = ["local:big"]\norder = "weight"\nweights = { "local:bag" = 1 }',
            4,
            "weights.local:bag: expected a model of try",
            'did you mean "local:big"?',
        ),
        (
            'try = ["openai:gpt-4o"]\ndata_class = "confidential"',
            2,
            "try: expected a model that may see confidential data; they may see up to internal",
            "add a local model",
        ),
    ],
)
def test_a_name_that_cannot_serve_is_told_with_its_line(
    tmp_path: Path, table: str, line: int, message: str, hint: str
) -> None:
    [found] = told(tmp_path, f"[gateway.models.fast]\n{table}\n")
    assert found.startswith(f"steadyhand.toml:{line}: gateway.models.fast.{message}")
    assert hint in found


def test_a_name_that_a_feature_has_is_told(tmp_path: Path) -> None:
    [found] = told(tmp_path, '[gateway.models.triage]\ntry = ["local:big"]\n')
    assert found.startswith(
        "steadyhand.toml:1: gateway.models.triage: expected a name of its own; a feature has it."
    )


def test_a_guardrail_that_does_not_exist_is_told(tmp_path: Path) -> None:
    [found] = told(tmp_path, '[gateway]\nguardrails = ["secret"]\n')
    assert found.endswith("expected one of pii, secrets; found 'secret'. hint: did you mean \"secrets\"?")


def test_a_gateway_without_faults_is_good(tmp_path: Path) -> None:
    assert told(tmp_path, "") == []
    assert told(tmp_path, '[gateway.models.fast]\ntry = ["openai:gpt-4o", "local:big"]\n') == []
