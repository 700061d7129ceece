"""`run`, `ask`, `search`, `traces`: one input in, one answer out, and what is kept of it."""

import json
import re
import socket
from pathlib import Path

import pytest

QUESTION = "May I book above the hotel limit when the conference hotel is full?"


def test_an_answer_shows_its_source_and_who_said_it(company: Path, steadyhand) -> None:
    asked = steadyhand("ask", "policy_answers", QUESTION, "-w", str(company))
    assert asked.returncode == 0
    assert asked.stderr == ""
    shown = re.sub(r"\d+(\.\d)? m?s   ", "TIME   ", asked.stdout)
    assert re.sub(r"run \w{4}$", "run ID", shown.strip()) == (
        'A   "When the conference hotel is full, the limit may be exceeded by up to 20 % with the approval of the'
        ' budget owner." [1]\n'
        "    [1] travel-policy.pdf, page 3\n"
        "    answered by extractive (no model configured)   TIME   $0.00   run ID"
    )


def test_a_citation_opens_at_the_marked_words(company: Path, steadyhand) -> None:
    asked = steadyhand("ask", "policy_answers", QUESTION, "--json", "-w", str(company))
    [item] = json.loads(asked.stdout)["evidence"]
    note = company / ".steadyhand" / "address"
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        address = f"http://127.0.0.1:{somebody.getsockname()[1]}"
        note.write_text(address)
        asked = steadyhand("ask", "policy_answers", QUESTION, "-w", str(company))
    page = f"{address}/knowledge/policies/travel-policy.pdf?page=3"
    assert f"{page}&start={item['start']}&end={item['end']}&version={item['version_id']}#span\n" in asked.stdout
    asked = steadyhand("ask", "policy_answers", QUESTION, "-w", str(company))  # a server that was killed
    note.unlink()
    assert "http://" not in asked.stdout


def test_an_answer_as_json_is_one_object_with_all_there_is(company: Path, inside) -> None:
    asked = inside("ask", "policy_answers", QUESTION, "--json", "-w", str(company))
    assert asked.stdout.count("\n") == 1
    answer = json.loads(asked.stdout)
    assert answer["status"] == "answered"
    assert {"output", "confidence", "evidence", "checks", "model", "cost_usd", "run_id", "snapshot"} <= set(answer)
    assert answer["evidence"][0]["source"] == "travel-policy.pdf"
    assert answer["evidence"][0]["page"] == 3


def test_an_input_comes_from_the_line_a_file_or_a_pipe(company: Path, steadyhand, tmp_path: Path) -> None:
    values = json.dumps({"question": QUESTION})
    (tmp_path / "input.json").write_text(values)
    for said, text in ((values, ""), ("@input.json", ""), ("-", values)):
        ended = steadyhand("run", "policy_answers", "--input", said, "-w", str(company), text=text)
        assert ended.returncode == 0
        assert ended.stdout.startswith('answer  "When the conference hotel is full')
        assert "\nfound   yes\n" in ended.stdout


def test_a_refused_run_exits_with_1_and_says_why(company: Path, inside) -> None:
    ended = inside("run", "policy_answers", "--input", '{"qestion": "x"}', "-w", str(company))
    assert ended.returncode == 1
    assert "error: " in ended.stderr
    assert "question" in ended.stderr
    assert "hint: " in ended.stderr


def test_an_unknown_feature_is_misuse_and_gets_the_nearest_name(company: Path, inside) -> None:
    ended = inside("ask", "policy_answer", "x", "-w", str(company))
    assert ended.returncode == 2
    assert 'did you mean "policy_answers"?' in ended.stderr


def test_a_feature_with_several_inputs_takes_the_question_in_its_first_text(company: Path, inside) -> None:
    ended = inside("ask", "ticket_triage", "Where is my refund?", "--json", "-w", str(company))
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["status"] == "refused"
    assert "body" in ended.stderr


def test_a_search_shows_passages_with_source_page_and_score(company: Path, inside) -> None:
    found = inside("search", "policies", "hotel limit", "--top", "2", "-w", str(company))
    assert found.returncode == 0
    heads = [line for line in found.stdout.splitlines() if re.match(r"\d+ +[01]\.\d\d  \S+, page \d+", line)]
    assert len(heads) == 2
    assert "travel-policy.pdf" in heads[0]
    as_json = json.loads(
        inside("search", "policies", "hotel limit", "--top", "2", "--json", "-w", str(company)).stdout
    )
    assert len(as_json["passages"]) == 2


def test_one_passage_is_not_passages(company: Path, inside) -> None:
    assert "1 passage of policies@" in inside("search", "policies", "x", "--top", "1", "-w", str(company)).stderr


def test_a_knowledge_base_that_is_not_there_is_misuse(company: Path, inside) -> None:
    ended = inside("search", "no-such-base", "x", "-w", str(company))
    assert ended.returncode == 2
    assert "hint: " in ended.stderr


def test_a_run_is_found_again_by_the_end_of_its_id(company: Path, inside) -> None:
    asked = inside("ask", "policy_answers", QUESTION, "--json", "-w", str(company))
    run_id = json.loads(asked.stdout)["run_id"]
    shown = inside("traces", "show", run_id[-8:], "-w", str(company))
    assert shown.returncode == 0
    assert shown.stdout.startswith(f"run {run_id}   policy_answers ")
    assert re.search(r"^  retrieve +\d+ ms   continue$", shown.stdout, re.MULTILINE)
    for block in ("input", "steps", "model calls", "passages", "verdicts", "output", "evidence"):
        assert f"\n{block}\n" in shown.stdout
    trace = json.loads(inside("traces", "show", run_id, "--json", "-w", str(company)).stdout)
    assert trace["steps"][0]["name"] == "admit"


def test_the_newest_runs_are_listed_newest_last_and_filtered(company: Path, inside) -> None:
    ids = []
    for question in ("How long must a password be?", "When can I take a sabbatical?"):
        asked = inside("ask", "policy_answers", question, "--json", "-w", str(company))
        ids.append(json.loads(asked.stdout)["run_id"])
    listed = inside("traces", "tail", "-n", "2", "--json", "-w", str(company))
    assert [json.loads(line)["id"] for line in listed.stdout.splitlines()] == ids
    table = inside("traces", "tail", "--feature", "policy_answers", "-n", "1", "-w", str(company))
    titles, row = table.stdout.splitlines()
    assert titles.split()[:4] == ["run", "feature", "status", "started"]
    assert row.startswith(ids[-1][-6:])
    assert inside("traces", "tail", "--feature", "nothing", "-w", str(company)).stdout == ""


@pytest.mark.parametrize("run", ["zz", "ZZZZZZZZ"], ids=["too short", "unknown"])
def test_a_run_that_is_not_there_is_misuse(run: str, company: Path, inside) -> None:
    assert inside("traces", "show", run, "-w", str(company)).returncode == 2
