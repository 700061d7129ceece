"""`[cache]` in a contract: off by default, and refused where it would give one model's answer for another's."""

from pathlib import Path

import pytest
from contracts import TRIAGE, known, write

from steadyhand.features.check import problems
from steadyhand.features.load import load
from steadyhand.types.feature import Cache

TOML = "features/triage/feature.toml"
VALUES_ONLY = TRIAGE.replace('subject = "string"\nbody = "text <= 20000"\n', "").replace('"integer ?"', '"integer"')


def told(root: Path) -> list[str]:
    return [str(problem).removeprefix(f"{TOML}:") for problem in problems(root, known())]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", None),
        ("[cache]\n", Cache("exact", 86_400)),
        ('[cache]\nmatch = "faq"\nttl = "30m"\n', Cache("faq", 1_800)),
    ],
)
def test_answers_are_given_again_only_where_the_contract_says_so(
    tmp_path: Path, written: str, meant: Cache | None
) -> None:
    write(tmp_path, toml=TRIAGE + written)
    loaded = load(tmp_path, "triage", known())
    assert loaded.problems == ()
    assert loaded.feature is not None
    assert loaded.feature.cache == meant


def test_the_cache_is_in_the_version_of_a_contract(tmp_path: Path) -> None:
    versions = set()
    for written in ("", "[cache]\n"):
        write(tmp_path, toml=TRIAGE + written)
        feature = load(tmp_path, "triage", known()).feature
        assert feature is not None
        versions.add(feature.version)
    assert len(versions) == 2


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (TRIAGE + '[cache]\nmatch = "similar"\n', "16: cache.match: expected one of exact, faq; found 'similar'"),
        (TRIAGE + '[cache]\nttl = "forever"\n', "16: cache.ttl: expected a time such as 30m, 2h or 1d"),
        (TRIAGE + '[cache]\nfor = "1d"\n', "16: cache.for: unknown key"),
        (
            TRIAGE + '[cache]\n[models.experiment]\nname = "e"\nshares = { "openai:gpt-4o-mini" = 10 }\n',
            "15: cache: does not go with models.experiment: the answers of one model would be given for another's.",
        ),
        (
            TRIAGE + '[cache]\n[models.flag]\nname = "f"\n',
            "15: cache: does not go with models.flag: the answers of one model would be given for another's.",
        ),
        (
            VALUES_ONLY + '[cache]\nmatch = "faq"\n',
            "14: cache.match: expected a text field of the input for faq; found none",
        ),
    ],
)
def test_a_cache_that_cannot_be_is_refused_with_its_line(tmp_path: Path, toml: str, message: str) -> None:
    prompt = "Sort {{ input.count }}." if "subject" not in toml else "Sort {{ input.subject }}."
    write(tmp_path, toml=toml, prompt_md=prompt)
    assert any(problem.startswith(message.removesuffix(".")) for problem in told(tmp_path)), told(tmp_path)
