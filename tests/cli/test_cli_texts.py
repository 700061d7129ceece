"""What the terminal shows, as pure functions of values."""

import io
import json
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from house import FEATURE
from steadyhand.cli import _answers, _figures
from steadyhand.cli._called import command
from steadyhand.cli._terminal import Terminal, hanging, printable
from steadyhand.cli.ask import text_input
from steadyhand.cli.db import brought
from steadyhand.types.ids import RunId
from steadyhand.types.passage import Contradiction, Evidence
from steadyhand.types.run import Answer


def evidence(quote: str, page: int = 1) -> Evidence:
    return Evidence(
        field="answer", source="a.pdf", page=page, start=0, end=len(quote), quote=quote, knowledge_base="kb"
    )


def test_a_printed_command_is_found_by_the_shell_that_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "steadyhand"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setattr(sys, "argv", [str(program)])
    assert command("up", "-w", "Büro & Söhne") == "bin/steadyhand up -w 'Büro & Söhne'"
    assert command("up", at=Path("new")) == "../bin/steadyhand up"
    assert command("up", at=program.parent) == "./steadyhand up"
    monkeypatch.setenv("PATH", str(program.parent))
    assert command("up") == "steadyhand up"
    monkeypatch.setattr(sys, "argv", ["src/steadyhand/__main__.py"])
    assert command("up") == "steadyhand up"


def test_markers_that_the_model_set_stay_where_they_are() -> None:
    assert _answers.with_markers('"A." [1] "B." [2]', [evidence("A."), evidence("B.")]) == '"A." [1] "B." [2]'


def test_a_quote_in_the_text_gets_its_marker_behind_it() -> None:
    text = 'It says "up to 20 %". That is all.'
    assert _answers.with_markers(text, [evidence("up to 20 %")]) == 'It says "up to 20 %". [1] That is all.'


def test_a_citation_in_other_words_is_marked_at_the_end() -> None:
    assert _answers.with_markers("Yes.", [evidence("it is so"), evidence("and so")]) == "Yes. [1] [2]"


def test_a_stale_source_and_a_contradiction_stand_under_the_answer() -> None:
    old = replace(evidence("Lunch ends at 13:45."), is_stale=True)
    new = replace(evidence("Lunch ends at 14:15."), source="b.md")
    answer = Answer(
        status="answered",
        output={"answer": "Lunch ends at 13:45."},
        confidence=None,
        evidence=(old,),
        checks=(),
        model="local:extractive",
        cost_usd=Decimal(0),
        run_id=RunId("01M7Z0RV7RZAG64YYVXAVWW2QM"),
        snapshot="kb@1",
        duration_s=0.1,
        contradictions=(Contradiction("lunch", (old, new)),),
    )
    assert _answers.cited(answer, FEATURE, address="", width=100).splitlines()[1:5] == [
        "    [1] a.pdf, page 1, which was due to be looked at again",
        "    sources disagree on lunch:",
        '    - "Lunch ends at 13:45." (a.pdf, page 1)',
        '    - "Lunch ends at 14:15." (b.md, page 1)',
    ]


def test_money_shows_a_cent_or_two_digits_that_count() -> None:
    shown = [_figures.money(Decimal(usd)) for usd in ("0", "0.000412", "0.0099", "0.01", "1234.5")]
    assert shown == ["$0.00", "$0.00041", "$0.0099", "$0.01", "$1,234.50"]
    assert _figures.money(None) == "price unknown"


def test_an_upgrade_names_our_changes_and_counts_those_of_the_queue() -> None:
    own = {"0001_first", "0002_next"}
    assert brought(["0001_first", "0002_next", "03.00.00_01_pre", "03.00.00_50_post"], own) == (
        "applied 0001_first, 0002_next and 2 of the job queue"
    )
    assert brought(["0002_next"], own) == "applied 0002_next"
    assert brought(["03.00.00_01_pre"], own) == "applied 1 of the job queue"
    assert brought([], own) == "the schema is up to date"


def test_times_and_sizes_are_short() -> None:
    assert [_figures.duration(s) for s in (0.0381, 0.9999, 12.34)] == ["38 ms", "1.0 s", "12.3 s"]
    assert [_figures.size(b) for b in (90_868_376, 1_400_000_000)] == ["91 MB", "1.4 GB"]


@given(st.text())
def test_no_text_can_speak_to_the_terminal(text: str) -> None:
    assert all(char in "\n\t" or char.isprintable() or ord(char) > 159 for char in printable(text))


def test_a_document_cannot_colour_the_terminal() -> None:
    assert printable("\x1b[31mred\x07\x9b0m") == "�[31mred��0m"


def test_a_name_reads_as_it_is() -> None:
    assert printable("\u202efdp.exe \u2066x\u2069") == "�fdp.exe �x�"
    assert printable("שלום") == "שלום"


def test_json_cannot_speak_to_the_terminal_either(capsys: pytest.CaptureFixture[str]) -> None:
    said = {"title": "\x9b31m \x1b[2J \u202e \x7f"}
    Terminal().json(said)
    out = capsys.readouterr().out
    assert all(sign not in out for sign in "\x9b\x1b\u202e\x7f")
    assert json.loads(out) == said


def test_a_path_in_a_progress_bar_is_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    terminal = Terminal()
    shown = io.StringIO()
    terminal._err = Console(file=shown, force_terminal=True, width=200, markup=False)
    with terminal.progress("notes") as advance:
        advance(1, 2, "[/b] [red]a.md\x1b[2J\nb")
    assert "[/b] [red]a.md�[2J b" in shown.getvalue()


def test_a_paragraph_hangs_under_its_label() -> None:
    assert hanging("A   ", "one two three four five six", 24) == "A   one two three four\n    five six"


def test_a_question_goes_into_the_only_required_text_else_the_first() -> None:
    text, choice = {"type": "string"}, {"type": "string", "enum": ["a"]}
    fields = {"kind": choice, "title": text, "question": text}
    assert text_input({"properties": fields, "required": ["kind", "question"]}) == "question"
    assert text_input({"properties": fields, "required": ["title", "question"]}) == "title"
    assert text_input({"properties": {"kind": choice}}) is None
