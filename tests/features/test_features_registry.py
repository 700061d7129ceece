"""An edit counts from the next access on; a broken edit keeps the last good version."""

import shutil
from pathlib import Path

import pytest
from contracts import TRIAGE, known, write

from steadyhand.errors import ContractInvalid, NotFound
from steadyhand.features.registry import Registry
from steadyhand.types.feature import Problem


class House:
    """A workspace, its registry, and what the registry reported."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reports: list[tuple[str, list[Problem], bool]] = []
        self.registry = Registry(root, known(), lambda *report: self.reports.append(report))


@pytest.fixture
def house(tmp_path: Path) -> House:
    write(tmp_path)
    return House(tmp_path)


def test_the_same_feature_is_given_while_nothing_changes(house: House) -> None:
    assert house.registry.get("triage") is house.registry.get("triage")
    assert house.registry.names() == ["triage"]
    assert house.registry.broken() == {}


def test_an_edit_of_any_file_counts_at_once(house: House) -> None:
    before = house.registry.get("triage")
    write(house.root, prompt_md="Sort it well: {{ input.body }}")
    after = house.registry.get("triage")
    assert after.prompt == "Sort it well: {{ input.body }}"
    assert after.version != before.version
    write(house.root, examples_jsonl="\n")
    assert house.registry.get("triage").version != after.version


def test_a_broken_edit_keeps_the_last_good_version_and_is_reported_once(house: House) -> None:
    good = house.registry.get("triage")
    write(house.root, toml=TRIAGE.replace('"string"', '"strng"'))
    for _ in range(3):
        assert house.registry.get("triage") is good
    [(name, problems, is_running)] = house.reports
    assert (name, is_running) == ("triage", True)
    assert house.registry.broken() == {"triage": problems}
    assert str(problems[0]).startswith("features/triage/feature.toml:5: input.subject: expected one of")
    write(house.root)
    assert house.registry.get("triage").version == good.version
    assert house.registry.broken() == {}


def test_an_edit_that_mends_a_contract_is_reported_once(house: House) -> None:
    write(house.root, toml="x = 1\n")
    house.registry.broken()
    write(house.root)
    for _ in range(3):
        house.registry.get("triage")
    broken, mended = house.reports
    assert (broken[0], bool(broken[1]), broken[2]) == ("triage", True, False)
    assert mended == ("triage", [], True)


def test_a_contract_that_was_never_good_is_an_error_with_every_problem(tmp_path: Path) -> None:
    write(tmp_path, toml="x = 1\n")
    with pytest.raises(ContractInvalid, match=r"features/triage/feature.toml:1: x: unknown key"):
        House(tmp_path).registry.get("triage")


@pytest.mark.parametrize("name", ["feature.toml", "prompt.md"])
def test_a_file_that_cannot_be_read_is_one_problem(name: str, house: House) -> None:
    path = house.root / "features" / "triage" / name
    path.unlink()
    path.mkdir()
    [problem] = house.registry.broken()["triage"]
    assert str(problem).startswith(f"features/triage/{name}:1: cannot be read: ")


def test_an_unknown_name_is_told_with_the_nearest_one(house: House) -> None:
    with pytest.raises(NotFound) as caught:
        house.registry.get("triag")
    assert caught.value.hint == 'did you mean "triage"?'
    with pytest.raises(NotFound):
        house.registry.get("../triage")


def test_features_come_and_go(house: House) -> None:
    house.registry.get("triage")
    write(house.root, "later", toml=TRIAGE.replace("triage", "later"))
    assert house.registry.names() == ["later", "triage"]
    assert house.registry.get("later").name == "later"
    shutil.rmtree(house.root / "features" / "later")
    with pytest.raises(NotFound):
        house.registry.get("later")


def test_a_change_of_the_base_changes_what_extends_it(house: House) -> None:
    folder = write(house.root, "child", toml='name = "child"\nextends = "triage"\n')
    (folder / "prompt.md").unlink()
    assert house.registry.get("child").prompt == "Sort {{ input.subject }}."
    write(house.root, prompt_md="Sort anew.")
    assert house.registry.get("child").prompt == "Sort anew."


def test_a_base_that_arrives_later_repairs_what_waits_for_it(house: House) -> None:
    write(house.root, "child", toml='name = "child"\nextends = "base"\n')
    with pytest.raises(ContractInvalid, match="extends"):
        house.registry.get("child")
    write(house.root, "base", toml=TRIAGE.replace("triage", "base"))
    assert house.registry.get("child").owner == "support"
