"""The keys of a contract on the choice of a model: what they mean, and what is wrong with them."""

from pathlib import Path

import pytest
from contracts import TRIAGE, known, write

from steadyhand.features.load import load
from steadyhand.types.ids import ModelId
from steadyhand.types.routing import Experiment, Flag, Routing, Shadow

NEAREST, MINI, SMALL = ModelId("local:nearest"), ModelId("openai:gpt-4o-mini"), ModelId("mistral:small")
WHOLE = """\
order = "weight"
weights = {"local:nearest" = 3, "openai:gpt-4o-mini" = 1}
place = ["local", "eu"]
volume = "high"
hedge_s = 1.5
[models.experiment]
name = "smaller"
key = "input.subject"
shares = {"mistral:small" = 10, "openai:gpt-4o-mini" = 0.5}
[models.shadow]
model = "mistral:small"
share = 5
[models.flag]
name = "triage-model"
default = "mistral:small"
[budget]
per_day_usd = 5
over = "refuse"
"""


def told(root: Path, models: str) -> list[str]:
    write(root, toml=TRIAGE + models)
    return [str(problem).partition("feature.toml:")[2] for problem in load(root, "triage", known()).problems]


def test_what_is_not_said_leaves_the_models_in_their_order(tmp_path: Path) -> None:
    write(tmp_path)
    feature = load(tmp_path, "triage", known()).feature
    assert feature is not None
    assert (feature.routing, feature.budget.over) == (Routing(), "cheaper")


def test_every_key_arrives(tmp_path: Path) -> None:
    assert told(tmp_path, WHOLE) == []
    feature = load(tmp_path, "triage", known()).feature
    assert feature is not None
    assert feature.routing == Routing(
        order="weight",
        weights={NEAREST: 3, MINI: 1},
        places=frozenset({"local", "eu"}),
        is_high_volume=True,
        hedge_s=1.5,
        experiment=Experiment("smaller", "input.subject", {SMALL: 10, MINI: 0.5}),
        shadow=Shadow(SMALL, 5),
        flag=Flag("triage-model", "mistral:small"),
    )
    assert feature.budget.over == "refuse"


@pytest.mark.parametrize(
    ("models", "problem"),
    [
        ('order = "chaep"\n', "expected one of listed, cost, latency, weight, auto; found 'chaep'"),
        ('order = "weight"\n', 'models.order: expected models.weights beside order = "weight"; found none'),
        ('weights = {"local:nearest" = 1}\n', "expected order = \"weight\" beside them; the order is 'listed'"),
        (
            'order = "weight"\nweights = {"mistral:small" = 1}\n',
            "models.weights: 'mistral:small' is not in models.try",
        ),
        ('order = "weight"\nweights = {"local:nearest" = 0}\n', "found 0"),
        ('weights = {"nearest" = 1}\n', "expected provider:name, such as openai:gpt-4o-mini; found 'nearest'"),
        ('place = ["mars"]\n', "expected one of local, eu, us, other; found 'mars'"),
        ('[models.shadow]\nmodel = "openai:gone"\nshare = 5\n', "'openai:gone' is not a model of the catalogue"),
        ('[models.shadow]\nmodel = "mistral:small"\nshare = 101\n', "found 101"),
        ('[models.flag]\nname = "f"\ndefault = "openai:gone"\n', "'openai:gone' is not a model of the catalogue"),
        (
            '[models.experiment]\nname = "x"\nshares = {"mistral:small" = 60, "local:nearest" = 60}\n',
            "expected at most 100 % together; found 120",
        ),
        ('[models.experiment]\nname = "x"\nshares = {"openai:gone" = 1}\n', "is not a model of the catalogue"),
        (
            '[models.experiment]\nname = "x"\nkey = "input.subjct"\nshares = {"mistral:small" = 1}\n',
            "models.experiment.key: input has no field 'subjct'. hint: did you mean \"subject\"?",
        ),
        (
            '[models.experiment]\nname = "x"\nkey = "output.score"\nshares = {"mistral:small" = 1}\n',
            "models.experiment.key: expected input; found 'output'",
        ),
        ('[budget]\nover = "fallback"\n', "budget.over: expected a fallback to answer with; found none"),
        ('[budget]\nover = "pay"\n', "expected one of cheaper, fallback, refuse; found 'pay'"),
    ],
)
def test_a_key_that_makes_no_sense_is_told(tmp_path: Path, models: str, problem: str) -> None:
    [found] = told(tmp_path, models)
    assert problem in found
