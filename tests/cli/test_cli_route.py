"""`route`: why which model is asked, and switching models off."""

import json
import shutil
from pathlib import Path

TICKET = '{"subject": "Refund", "body": "Where is my money?"}'


def test_the_choice_of_a_feature_is_explained_without_a_run(company: Path, inside) -> None:
    workspace = ("-w", str(company))
    before = inside("traces", "tail", "--json", *workspace).stdout
    shown = inside("route", "explain", "ticket_triage", "--input", TICKET, *workspace)
    assert shown.returncode == 0
    assert "local:nearest may see up to restricted, this run is confidential" in shown.stdout
    assert "ticket_triage, confidential data; order listed" in shown.stderr
    said = json.loads(inside("route", "explain", "ticket_triage", "--input", TICKET, "--json", *workspace).stdout)
    [model] = said["models"]
    assert (model["model"], model["place_in_order"], model["worst_usd"]) == ("local:nearest", 1, 0.0)
    assert inside("traces", "tail", "--json", *workspace).stdout == before
    strict = inside("route", "explain", "policy_answers", "--data-class", "restricted", "--json", *workspace)
    assert json.loads(strict.stdout)["data_class"] == "restricted"


DEAR = """
name = "dear"
purpose = "Cost more than there is."
owner = "somebody"
[input]
text = "text"
[output]
text = "text"
[models]
try = ["openai:gpt-4o", "local:extractive"]
[budget]
per_run_usd = 0.000001
over = "refuse"
"""


def test_a_run_that_ends_for_want_of_money_is_said_to_ask_nobody(company: Path, inside) -> None:
    folder = company / "features" / "dear"
    folder.mkdir()
    (folder / "feature.toml").write_text(DEAR, encoding="utf-8")
    (folder / "prompt.md").write_text("Answer.", encoding="utf-8")
    said = inside("route", "explain", "dear", "--input", '{"text": "x"}', "--json", "-w", str(company))
    shutil.rmtree(folder)
    found = json.loads(said.stdout)
    assert [model["place_in_order"] for model in found["models"]] == [None, None]
    assert found["over_budget"].startswith("openai:gpt-4o may cost")
    assert found["over_budget"].endswith("; the run is refused")


def test_what_is_switched_off_is_listed_passed_over_and_can_be_switched_on(company: Path, inside) -> None:
    workspace = ("-w", str(company))
    assert "nothing is switched off" in inside("route", "list", *workspace).stderr
    off = inside("route", "off", "provider:local", "--reason", "wrong totals", *workspace)
    assert (off.returncode, off.stderr.startswith("provider:local is off")) == (0, True)
    [listed] = json.loads(inside("route", "list", "--json", *workspace).stdout)
    assert (listed["target"], listed["reason"]) == ("provider:local", "wrong totals")
    explained = inside("route", "explain", "ticket_triage", "--input", TICKET, *workspace)
    assert "switched local off: wrong totals" in explained.stdout
    assert "no model may serve this run" in explained.stderr
    assert inside("route", "on", "provider:local", *workspace).returncode == 0
    again = inside("route", "on", "provider:local", *workspace)
    assert (again.returncode, "steadyhand route list" in again.stderr) == (2, True)
    assert inside("route", "off", "gpt-4o", "--reason", "x", *workspace).returncode == 2


def test_a_switch_for_what_nothing_is_called_is_refused(company: Path, inside) -> None:
    workspace = ("-w", str(company))
    for target, near in (
        ("provider:opnai", "provider:openai"),
        ("feature:ticket_triag", "feature:ticket_triage"),
        ("openai:gpt-4o-minni", "openai:gpt-4o-mini"),
    ):
        refused = inside("route", "off", target, "--reason", "x", *workspace)
        assert (refused.returncode, f'did you mean "{near}"?' in refused.stderr) == (2, True)
    assert "nothing is switched off" in inside("route", "list", *workspace).stderr
    assert inside("route", "off", "feature:passthrough", "--reason", "x", *workspace).returncode == 0
    assert inside("route", "on", "feature:passthrough", *workspace).returncode == 0


def test_the_reasons_of_a_choice_fit_a_narrow_terminal(company: Path, steadyhand) -> None:
    shown = steadyhand("route", "explain", "ticket_triage", "-w", str(company), COLUMNS="60", FORCE_COLOR="1")
    assert "this run is confidential" in " ".join(shown.stdout.split())
