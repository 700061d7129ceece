"""Every fault of a contract is told at once, as `file:line: message hint: what to do`."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import jsonschema_rs
import pytest
from contracts import TRIAGE, known, write

from steadyhand.features.check import problems
from steadyhand.features.contract import contract_schema
from steadyhand.features.load import load
from steadyhand.types.feature import Budget, Check, Review, Value

TOML = "features/triage/feature.toml"


def told(root: Path, recipes: Path | None = None) -> list[str]:
    return [str(problem) for problem in problems(root, known(recipes))]


def changed(old: str, new: str) -> str:
    assert old in TRIAGE
    return TRIAGE.replace(old, new)


# what is changed in the contract above, to what, and what is told, each line without the file's name
BROKEN = [
    ('name = "triage"', 'name = "triage', "1: expected TOML: Illegal character '\\n'. hint: fix the TOML"),
    (
        'owner = "support"',
        'owner = "support"\nrisc = "high"',
        '4: risc: unknown key. hint: did you mean "risk"?',
    ),
    (
        'owner = "support"',
        'owner = "support"\nrisk = "hihg"\nreview = { when = "true" }',
        "4: risk: expected one of minimal, limited, high; found 'hihg'. hint: did you mean \"high\"?",
    ),
    (
        'owner = "support"',
        'owner = "support"\nrisk = "high"',
        (
            "4: risk: high makes review compulsory; found no [review]. "
            'hint: add [review] with when = "confidence < 0.9"'
        ),
    ),
    ('owner = "support"\n', "", "1: owner: is missing. hint: Who answers for it."),
    (
        'name = "triage"',
        'name = "triag"',
        "1: name: expected 'triage', as the folder is called; found 'triag'. hint: rename one of them",
    ),
    (
        'subject = "string"',
        'subject = "strng"',
        (
            "5: input.subject: expected one of string, text, integer, number, boolean, date, datetime, email, "
            "url, language, a | b | c; found 'strng'. hint: did you mean \"string\"?"
        ),
    ),
    (
        'subject = "string"',
        '"sub ject" = "string"\nsubject = "string"',
        (
            "5: input: expected names of letters, digits and _; found 'sub ject'. "
            "hint: rules and prompts have to write it"
        ),
    ),
    (
        '[output]\nurgency = "high | medium | low"\nscore = "number 0..1"\nnote = "text ?"',
        "[output]",
        '9: output: expected at least one field; found none. hint: write a field, such as text = "text"',
    ),
    (
        '"openai:gpt-4o-mini"]',
        '\n  "openai:gpt-4o-mnii"]',
        (
            "15: models.try[1]: 'openai:gpt-4o-mnii' is not a model of the catalogue. "
            'hint: did you mean "openai:gpt-4o-mini"?'
        ),
    ),
    (
        '"openai:gpt-4o-mini"]',
        '"gpt-4o-mini"]',
        (
            "14: models.try[1]: expected provider:name, such as openai:gpt-4o-mini; found 'gpt-4o-mini'. "
            "hint: Models as provider:name, tried in this order."
        ),
    ),
    (
        "[models]",
        "[models]\ntimeout = 3",
        '14: models.timeout: unknown key. hint: did you mean "timeout_s"?',
    ),
    (
        "[models]",
        "timeout_s = 0\n[models]",
        (
            "13: output.timeout_s: expected a type in quotes, a table of fields or a list of one type; found 0. "
            'hint: write timeout_s = "string"'
        ),
    ),
    (
        "[models]",
        "[guardrails]\ninput = [\n  'pii',\n  'injektion',\n]\n[models]",
        "16: guardrails.input[1]: there is no guardrail 'injektion'. hint: did you mean \"injection\"?",
    ),
    (
        "[models]",
        "[knowledge]\nbase = 'polices'\n[models]",
        "14: knowledge.base: there is no knowledge base 'polices'. hint: did you mean \"policies\"?",
    ),
    (
        "[models]",
        "[knowledge]\nbase = 'minutes'\n[models]",
        (
            "14: knowledge.base: there is no knowledge base 'minutes'. "
            "hint: there are policies; [knowledge.minutes] in steadyhand.toml declares it"
        ),
    ),
    (
        "[models]",
        "[knowledge]\nbase = 'policies'\ntop = 99\n[models]",
        "15: knowledge.top: expected at most 50; found 99. hint: How many passages the model may read.",
    ),
    (
        "[models]",
        "[knowledge]\nbase = 'policies'\nquery = '{{ input.subjct }}'\n[models]",
        "15: knowledge.query: template: input has no field 'subjct'. hint: did you mean \"subject\"?",
    ),
    (
        "[models]",
        "[[check]]\nrule = 'true'\n[[check]]\nrule = \"output.score > 0.5 ||\"\n[models]",
        (
            "16: check[1].rule: does not compile: mismatched input '<EOF>' at column 22. "
            "hint: write a CEL expression"
        ),
    ),
    (
        "[models]",
        "[[check]]\nrule = '''\noutput.urgenci == 'high\x27'''\n[models]",
        "14: check[0].rule: output has no field 'urgenci'. hint: did you mean \"urgency\"?",
    ),
    (
        "[models]",
        "[[check]]\nrule = 'outputs.score > 0.5'\n[models]",
        (
            "14: check[0].rule: expected input, output, evidence, confidence; found 'outputs'. "
            'hint: did you mean "output"?'
        ),
    ),
    (
        "[models]",
        "[[check]]\nrule = 'input.subject.lowerAsci() == input.body'\n[models]",
        "14: check[0].rule: there is no function 'lowerAsci'. hint: did you mean \"lowerAscii\"?",
    ),
    (
        "[models]",
        "[[check]]\nrule = 'output.score * 2 > 1.0'\n[models]",
        (
            "14: check[0].rule: cannot be evaluated: Unsupported operation: float * int. "
            "hint: CEL does not mix types: 2.0 goes with a number, 2 with an integer"
        ),
    ),
    (
        "[models]",
        "[[check]]\nrule = 'input.count > 3'\n[models]",
        (
            "14: check[0].rule: cannot be evaluated when input.count is missing: No such overload: the operation "
            "is not defined for the given operand types. hint: write has(input.count) && …"
        ),
    ),
    (
        "[models]",
        "[[check]]\nrule = 'output.note'\n[models]",
        "14: check[0].rule: expected true or false; found 'text'. hint: compare it with something",
    ),
    (
        "[models]",
        "[[check]]\nid = 'a'\nrule = 'true'\n[[check]]\nid = 'a'\nrule = 'true'\n[models]",
        (
            "14: check[0].id: 'a' is used twice. hint: give each its own id\n"
            "17: check[1].id: 'a' is used twice. hint: give each its own id"
        ),
    ),
    (
        "[models]",
        "[[check]]\nrule = 'true'\nseverity = 'blok'\n[models]",
        "15: check[0].severity: expected one of block, review, note; found 'blok'. hint: did you mean \"block\"?",
    ),
    (
        "[models]",
        "[review]\nwhen = 'confidense < 0.7'\ndue = '30 minutes'\n[models]",
        (
            "14: review.when: expected input, output, evidence, confidence; found 'confidense'. "
            'hint: did you mean "confidence"?\n'
            "15: review.due: expected a time such as 30m, 2h or 1d; found '30 minutes'. "
            "hint: Until when: 30m, 2h, 1d."
        ),
    ),
    (
        "[models]",
        "[fallback]\nurgency = 'hihg'\nurgenzy = 'high'\n[models]",
        (
            '14: fallback.urgency: "hihg" is not one of high, medium, low. hint: did you mean "high"?\n'
            '15: fallback.urgenzy: is not an output field. hint: did you mean "urgency"?'
        ),
    ),
    (
        "[models]",
        "[[rule]]\nwhen = 'output.score > 0.5'\nthen = { score = 3 }\n[models]",
        ("14: rule[0].when: expected input; found 'output'.\n15: rule[0].then.score: expected at most 1; found 3."),
    ),
    (
        "[models]",
        "[budget]\nper_run_usd = -1\n[value]\nhourly_cost = '30'\n[gate]\nf1 = 'high'\n[models]",
        (
            "14: budget.per_run_usd: expected more than 0; found -1. "
            "hint: The most one run may cost, in US dollars.\n"
            "15: value.baseline_minutes: is missing. hint: Minutes a person needs for the same work.\n"
            "16: value.hourly_cost: expected an amount and a currency, such as 30 EUR; found '30'. "
            "hint: Cost of a person's hour, such as 30 EUR.\n"
            "18: gate.f1: expected a number; found 'high'."
        ),
    ),
    (
        'owner = "support"',
        'owner = "support"\nextends = "triagee"',
        (
            "4: extends: expected a feature of the workspace or recipe:NAME; found 'triagee'. "
            'hint: did you mean "triage"?'
        ),
    ),
    (
        'owner = "support"',
        'owner = "support"\nextends = "triage"',
        "4: extends: expected a chain with an end; found triage -> triage. hint: break the circle",
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "expected"), BROKEN, ids=[case[2].split(": ")[1] + f"-{at}" for at, case in enumerate(BROKEN)]
)
def test_a_broken_contract_is_told_at_its_line_with_a_hint(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    write(tmp_path, toml=changed(old, new))
    assert told(tmp_path) == [f"{TOML}:{line}" for line in expected.split("\n")]


def test_a_sound_contract_has_no_problems(tmp_path: Path) -> None:
    write(tmp_path)
    assert told(tmp_path) == []


def test_all_faults_of_all_features_are_told_at_once(tmp_path: Path) -> None:
    toml = changed('"string"', '"strng"') + "[[check]]\nrule = 'output.urgenci == 1'\nextra = 1\n[budgt]\n"
    write(tmp_path, toml=toml, prompt_md="Sort\n{{ input.bodi }}")
    write(tmp_path, "other", toml="x = ")
    (tmp_path / "features" / "empty").mkdir()
    places = [line.split(": ")[0] + ": " + line.split(": ")[1] for line in told(tmp_path)]
    assert places == [
        "features/empty/feature.toml:1: expected a contract; there is no such file. hint",
        "features/other/feature.toml:1: expected TOML",
        "features/triage/feature.toml:5: input.subject",
        "features/triage/feature.toml:16: check[0].rule",
        "features/triage/feature.toml:17: check[0].extra",
        "features/triage/feature.toml:18: budgt",
    ]


def test_a_prompt_names_only_what_there_is(tmp_path: Path) -> None:
    write(tmp_path, prompt_md="Sort:\n{{ input.bodi }}\n{{ passages }}\n{{ body }}\n")
    file = "features/triage/prompt.md"
    assert told(tmp_path) == [
        f"{file}:2: template: input has no field 'bodi'. hint: did you mean \"body\"?",
        f"{file}:3: template: there are no passages without knowledge. hint: add [knowledge]",
        f"{file}:4: template: expected input.<field>; found 'body'. hint: write input.body",
    ]


def test_a_prompt_must_be_there_unless_all_models_are_local(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "prompt.md").unlink()
    assert told(tmp_path) == [
        (
            "features/triage/prompt.md:1: expected a prompt; found none. "
            "hint: write prompt.md; only local models need none"
        )
    ]
    (folder / "feature.toml").write_text(changed(', "openai:gpt-4o-mini"', ""))
    assert told(tmp_path) == []


def test_a_prompt_must_work_without_the_optional_fields(tmp_path: Path) -> None:
    write(tmp_path, prompt_md="{{ input.channel | join(',') }} {{ input.count + 1 }}")
    [problem] = told(tmp_path)
    assert problem.startswith("features/triage/prompt.md:1: the template cannot be rendered: ")


def test_cases_are_checked_line_by_line(tmp_path: Path) -> None:
    good = {"input": {"subject": "s", "body": "b"}, "output": {"urgency": "low", "score": 1}}
    bad = {"input": {"subject": "s"}, "output": {"urgency": "lo", "score": 1}}
    lines = [json.dumps(good), "", "{", "3", json.dumps(bad)]
    gold = {"input": {"subject": "s", "body": "b"}, "expect": {"urgency": "hig", "source": "a.pdf", "page": 3}}
    write(tmp_path, examples_jsonl="\n".join(lines), gold_jsonl=json.dumps(gold) + "\n")
    examples, gold_file = "features/triage/examples.jsonl", "features/triage/gold.jsonl"
    assert told(tmp_path) == [
        (
            f"{examples}:3: expected a JSON object: Expecting property name enclosed in double quotes at column 2. "
            "hint: write one object per line"
        ),
        f"{examples}:4: expected a JSON object; found 3. hint: write one object per line",
        f"{examples}:5: input.body: is missing.",
        f'{examples}:5: output.urgency: "lo" is not one of high, medium, low. hint: did you mean "low"?',
        f'{gold_file}:1: expect.urgency: "hig" is not one of high, medium, low. hint: did you mean "high"?',
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{\n "type": "object",\n}', ":3: expected JSON: "),
        ('{"type": "objekt"}', ":1: expected a JSON Schema: type: "),
        ('{"type": "string"}', ":1: expected the schema of an object with properties."),
        (
            '{"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/x"}}}',
            ":1: expected a JSON Schema: ",
        ),
    ],
)
def test_a_schema_file_has_to_be_a_json_schema(tmp_path: Path, text: str, problem: str) -> None:
    toml = changed(
        'subject = "string"\nbody = "text <= 20000"\nchannel = "email | form | chat ?"\ncount = "integer ?"',
        'schema = "input.json"',
    )
    folder = write(tmp_path, toml=toml, input_json=text)
    assert told(tmp_path)[0].startswith(f"features/triage/input.json{problem}")
    (folder / "input.json").unlink()
    assert told(tmp_path) == [
        (
            f"{TOML}:5: input.schema: expected a file beside the contract; there is no input.json. "
            "hint: write a JSON Schema there"
        )
    ]
    (folder / "input.json").write_text('{"type": "object", "properties": {"subject": {"type": "string"}}}')
    assert told(tmp_path) == []


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "prompt.md").write_bytes(b"Sort\n\xff")
    assert (
        told(tmp_path)[0]
        == "features/triage/prompt.md:2: expected UTF-8; found other bytes. hint: save the file as UTF-8"
    )


def test_a_full_contract_is_read_into_its_values(tmp_path: Path) -> None:
    toml = TRIAGE + (
        '[[check]]\nrule = "output.score > 0.1"\n[review]\nwhen = "confidence < 0.7"\ndue = "30m"\n'
        "[budget]\nper_run_usd = 0.002\nper_day_usd = 5\n[value]\nbaseline_minutes = 4\nhourly_cost = '30 EUR'\n"
        "[fallback]\nurgency = 'medium'\n[gate]\n'urgency.macro_f1' = 0.85\n[retry]\nattempts = 2\n"
        "[[rule]]\nwhen = 'input.channel == \"chat\"'\nthen = { urgency = 'low' }\n"
    )
    write(tmp_path, toml=toml)
    loaded = load(tmp_path, "triage", known())
    assert loaded.problems == ()
    feature = loaded.feature
    assert feature is not None
    assert feature.checks == (Check("check-1", "output.score > 0.1", "block", "expected output.score > 0.1"),)
    assert feature.review == Review("confidence < 0.7", 1_800.0)
    assert feature.budget == Budget(Decimal("0.002"), Decimal(5))
    assert feature.value == Value(4.0, Decimal(30), "EUR")
    assert feature.fallback == {"urgency": "medium"}
    assert feature.gate == {"urgency.macro_f1": 0.85}
    assert (feature.attempts, feature.timeout_s, feature.model_timeout_s) == (2, 30.0, 10.0)
    assert (feature.data_class, feature.risk, feature.text_field) == ("internal", "minimal", "note")
    assert len(feature.version) == 12


def test_the_published_schema_accepts_what_we_accept_and_documents_every_key() -> None:
    schema = contract_schema()
    validator = jsonschema_rs.validator_for(schema)
    good = {
        "name": "triage",
        "purpose": "p",
        "owner": "o",
        "input": {"a": "string"},
        "output": {"b": "text"},
        "models": {"try": ["local:nearest"]},
        "check": [{"rule": "true"}],
        "budget": {"per_run_usd": 0.002},
    }
    assert validator.is_valid(good)
    assert not validator.is_valid({**good, "risc": "high"})
    assert not validator.is_valid({**good, "models": {"try": []}})
    tables = [schema, *schema["$defs"].values()]
    assert all("description" in key for table in tables for key in table["properties"].values())


@pytest.mark.parametrize(
    ("models", "is_good"),
    [
        ('try = ["openai:gpt-4o-mini"]', False),
        ('try = ["openai:gpt-4o-mini"]\nfallback = "local:nearest"', True),
        ('try = ["openai:gpt-4o-mini", "mistral:small"]', True),
    ],
)
def test_a_feature_that_no_model_may_serve_is_a_problem(tmp_path: Path, models: str, is_good: bool) -> None:
    toml = TRIAGE.replace("[input]", 'data_class = "confidential"\n[input]')
    write(tmp_path, toml=toml.replace('try = ["local:nearest", "openai:gpt-4o-mini"]', models))
    messages = [problem.message for problem in problems(tmp_path, known())]
    assert (
        messages == [] if is_good else ["no model may see confidential data" in text for text in messages] == [True]
    )


def test_the_class_of_the_knowledge_base_counts_too(tmp_path: Path) -> None:
    toml = TRIAGE.replace('"local:nearest", ', "").replace("[output]", '[knowledge]\nbase = "policies"\n[output]')
    write(tmp_path, toml=toml.replace("text ?", "text"))
    strict = replace(known(), class_of=lambda base: "restricted")
    [problem] = problems(tmp_path, strict)
    assert "no model may see restricted data of the knowledge base 'policies'" in problem.message
    assert "clearance" in problem.hint
    assert problems(tmp_path, known()) == []
