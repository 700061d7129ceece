"""Cost plans as files: the examples work, and what is wrong with one is told with its line."""

import json
import re
from pathlib import Path

import pytest

from steadyhand import app, cli
from steadyhand.errors import InvalidInput, NotFound
from steadyhand.value.plan_file import read

EXAMPLES = sorted((Path(__file__).parents[2] / "examples/cost-plans").glob("*.toml"))
WORK = '[[call]]\nname = "x"\nper_month = 10\ninput_tokens = 5\noutput_tokens = 5\n'


@pytest.fixture
def plan(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(["cost", "plan", *arguments], serve=app.serve)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def faulty(tmp_path: Path, text: str) -> str:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as refused:
        read(path)
    return str(refused.value).replace(str(tmp_path), "")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_planned_whole(path: Path, plan) -> None:
    code, shown, said = plan(str(path))
    assert code == 0
    assert "unknown" not in shown
    assert re.search(r"prices of \d{4}-\d\d-\d\d, genai-prices", said)
    written = read(path).plan
    parts = (written.chat, written.document, written.question, written.call)
    for part in (*parts, written.hosting, written.training, written.build):
        for table in part:
            assert f"{table.name}\n" in shown


def test_there_are_four_examples() -> None:
    assert [path.stem for path in EXAMPLES] == ["chatbot", "documents", "on-premise", "questions"]


def test_the_figures_are_exact_for_programs(plan) -> None:
    code, shown, _ = plan(str(EXAMPLES[0]), "--json")
    assert code == 0
    found = json.loads(shown)
    short, long = found["workloads"]
    assert (short["units"], short["calls"], short["input_tokens"]) == (15_000, 75_000, 183_750_000)
    assert long["calls"] == 150_000
    assert {model["model"] for model in short["models"]} == set(found["prices"])
    [build] = found["build"]
    assert (build["months"], build["affordable"]) == (9, [30_001, 72_000])


def test_other_models_can_be_compared(plan) -> None:
    _, shown, _ = plan(str(EXAMPLES[1]), "--model", "openai:gpt-4.1-nano", "--model", "openai:gpt-4.1")
    assert "openai:gpt-4.1-nano" in shown
    code, _, said = plan(str(EXAMPLES[1]), "--model", "openai:gpt-4.2-nano")
    assert code == 2
    assert 'did you mean "openai:gpt-4.1-nano"?' in said


def test_a_price_that_is_not_known_is_said(plan, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(f'name = "p"\nmodels = ["openai:whisper-1"]\n{WORK}')
    code, shown, _ = plan("plan.toml")
    assert code == 0
    assert re.search(
        r"openai:whisper-1 +unknown +unknown +openai:whisper-1: its price is not known", " ".join(shown.split())
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'name = "p"\nmodels = []\n{WORK}', "/plan.toml:2: models: expected at least one entry"),
        (f'name = "p"\nmodel = ["a:b"]\n{WORK}', '/plan.toml:2: model: unknown key. hint: did you mean "models"?'),
        (f'name = "p"\nmodels = ["a:b"]\n{WORK}turns = 3\n', "/plan.toml:8: call[0].turns: unknown key"),
        ('name = "p"\nmodels = ["a:b"]\n[[call]]\nname = "x"\nper_month = -1\ninput_tokens = 5\noutput_tokens = 5\n',
         "/plan.toml:5: call[0].per_month: expected more than 0; found -1"),
        ('name = "p"\nmodels = ["a:b"]\n[[call]]\nname = "x"\ninput_tokens = 5\noutput_tokens = 5\n',
         "/plan.toml:3: call[0]: expected per_month or per_day; found none of them"),
        (f'name = "p"\nmodels = ["a:b"]\n{WORK}cached_tokens = 6\n',
         "/plan.toml:8: call[0].cached_tokens: expected a part of the prompt"),
        ('name = "p"\nmodels = ["a:b"]\n', "/plan.toml:1: expected something to plan"),
        ('name = "p\n', "/plan.toml:1: expected TOML"),
    ],
)  # fmt: skip
def test_a_fault_of_a_plan_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in faulty(tmp_path, text)


def test_a_model_nobody_knows_is_told_with_its_line(plan, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(
        f'name = "p"\nmodels = [\n  "openai:gpt-4o",\n  "openai:gpt-4p",\n]\n{WORK}'
    )
    code, _, said = plan("plan.toml")
    assert code == 2
    assert "plan.toml:4: models: 'openai:gpt-4p' is not a model of the catalogue" in said


def test_a_plan_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="expected a cost plan"):
        read(tmp_path / "nothing.toml")


def test_a_plan_that_comes_with_the_program_is_named_without_a_path(plan, tmp_path: Path) -> None:
    code, out, said = plan("chatbot")
    assert (code, "Short conversations" in out) == (0, True)
    assert re.search(r"the plan: .*chatbot\.toml", said)
    code, _, said = plan("chatbt")
    assert (code, 'did you mean "chatbot"?' in said) == (2, True)
    (tmp_path / "chatbot").write_text(f'name = "own"\nmodels = ["openai:gpt-4o"]\n{WORK}')
    assert "the plan" not in plan("chatbot")[2]
