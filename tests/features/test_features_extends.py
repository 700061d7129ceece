"""A contract changes another one: tables merge, everything else is replaced, files are inherited."""

from pathlib import Path

from contracts import TRIAGE, known, write

from steadyhand.features.check import problems
from steadyhand.features.load import load

GUARDED = (
    TRIAGE
    + '[guardrails]\ninput = ["pii", "secrets"]\n[[check]]\nrule = "true"\n[[check]]\nrule = "output.score > 0.1"\n'
)


def child(text: str) -> str:
    return f'name = "child"\nextends = "triage"\n{text}'


def write_child(root: Path, toml: str) -> Path:
    folder = write(root, "child", toml=toml)
    (folder / "prompt.md").unlink()
    return folder


def test_tables_are_merged_and_lists_replaced_and_files_inherited(tmp_path: Path) -> None:
    example = '{"input": {"subject": "s", "body": "b"}, "output": {"urgency": "low", "score": 1}}\n'
    write(tmp_path, toml=GUARDED, examples_jsonl=example)
    write_child(
        tmp_path, child('owner = "sales"\n[output]\nextra = "text ?"\n[guardrails]\ninput = ["injection"]\n')
    )
    loaded = load(tmp_path, "child", known())
    assert loaded.problems == ()
    feature = loaded.feature
    assert feature is not None
    assert (feature.name, feature.owner, feature.purpose) == ("child", "sales", "Sort a ticket.")
    assert list(feature.output_schema["properties"]) == ["urgency", "score", "note", "extra"]
    assert feature.input_guardrails == ("injection",)
    assert len(feature.checks) == 2
    assert feature.prompt == "Sort {{ input.subject }}."
    assert len(feature.examples) == 1


def test_an_own_file_wins_over_the_inherited_one(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, "child", toml=child(""), prompt_md="Sort well.")
    feature = load(tmp_path, "child", known()).feature
    assert feature is not None
    assert feature.prompt == "Sort well."


def test_a_recipe_is_a_base_too(tmp_path: Path) -> None:
    recipes = tmp_path / "shipped" / "recipes"
    write(recipes, "triage")
    (recipes / "features" / "triage").rename(recipes / "triage")
    (recipes / "features").rmdir()
    write_child(tmp_path, 'name = "child"\nextends = "recipe:triage"\n')
    assert problems(tmp_path, known(recipes)) == []
    write_child(tmp_path, 'name = "child"\nextends = "recipe:triag"\n')
    [problem] = problems(tmp_path, known(recipes))
    assert str(problem) == (
        "features/child/feature.toml:2: extends: expected a feature of the workspace or recipe:NAME; "
        "found 'recipe:triag'. hint: did you mean \"recipe:triage\"?"
    )


def test_a_fault_is_told_where_its_key_was_written_and_once(tmp_path: Path) -> None:
    write(tmp_path, toml=GUARDED.replace("output.score > 0.1", "output.skore > 0.1"))
    write_child(tmp_path, child('[guardrails]\noutput = ["pij"]\n'))
    first, second = problems(tmp_path, known())
    assert (first.file, first.line) == ("features/child/feature.toml", 4)
    assert first.message == "guardrails.output[0]: there is no guardrail 'pij'."
    assert (second.file, second.line) == ("features/triage/feature.toml", 20)
    assert second.message == "check[1].rule: output has no field 'skore'."


def test_a_list_belongs_to_the_contract_that_replaced_it(tmp_path: Path) -> None:
    write(tmp_path, toml=GUARDED)
    write_child(tmp_path, child('[[check]]\nrule = "true"\n[[check]]\nseverity = "note"\n'))
    assert [str(problem).split(". ")[0] for problem in problems(tmp_path, known())] == [
        "features/child/feature.toml:5: check[1].rule: is missing"
    ]


def test_the_name_is_never_inherited(tmp_path: Path) -> None:
    write(tmp_path)
    write_child(tmp_path, 'extends = "triage"\n')
    assert [str(problem).split(". ")[0] for problem in problems(tmp_path, known())] == [
        "features/child/feature.toml:1: name: is missing"
    ]


def test_a_longer_circle_is_told(tmp_path: Path) -> None:
    write(tmp_path, "a", toml='name = "a"\nextends = "b"\n')
    write(tmp_path, "b", toml='name = "b"\nextends = "a"\n')
    assert [(problem.file, problem.line, problem.message) for problem in problems(tmp_path, known())] == [
        ("features/a/feature.toml", 2, "extends: expected a chain with an end; found b -> a -> b."),
        ("features/b/feature.toml", 2, "extends: expected a chain with an end; found a -> b -> a."),
    ]


def test_a_name_cannot_lead_out_of_the_workspace(tmp_path: Path) -> None:
    write(tmp_path)
    write_child(tmp_path, 'name = "child"\nextends = "../../triage"\n')
    [problem] = problems(tmp_path, known())
    assert "expected a feature of the workspace or recipe:NAME; found '../../triage'" in problem.message


def test_the_version_changes_with_any_file_of_the_contract_and_with_nothing_else(tmp_path: Path) -> None:
    base = write(tmp_path)
    folder = write_child(tmp_path, child(""))

    def version() -> str:
        feature = load(tmp_path, "child", known()).feature
        assert feature is not None
        return feature.version

    versions = [version()]
    for path, text in (
        (folder / "feature.toml", child("# a remark\n")),
        (base / "feature.toml", TRIAGE + "\n"),
        (base / "prompt.md", "Sort {{ input.body }}."),
        (folder / "prompt.md", "Sort {{ input.body }}."),
        (folder / "examples.jsonl", "\n"),
    ):
        path.write_text(text)
        versions.append(version())
    assert len(set(versions)) == len(versions)
    (base / "prompt.md").write_text("No longer inherited.")
    (folder / "gold.jsonl").write_text("\n")
    (folder / "notes.txt").write_text("x")
    assert version() == versions[-1]
