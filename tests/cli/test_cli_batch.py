"""`run --batch`: every input is answered once, however often the program is killed."""

import json
import signal
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from cli_program import rows, start

from steadyhand.cli import _batch
from steadyhand.errors import DatabaseUnavailable, NotFound, UsageError
from steadyhand.types.ids import RunId
from steadyhand.types.json import JsonObject
from steadyhand.types.run import Answer, RunStatus


class Feature:
    """Answers with its input; the inputs it was asked with are in `asked`."""

    def __init__(self, status_of: Callable[[JsonObject], RunStatus] = lambda _: "answered") -> None:
        self.asked: list[JsonObject] = []
        self._status_of = status_of

    async def __call__(self, values: JsonObject) -> Answer:
        self.asked.append(values)
        return Answer(
            status=self._status_of(values), output=values, confidence=None, evidence=(), checks=(), model="m",
            cost_usd=Decimal(0), run_id=RunId(f"{len(self.asked):026}"), snapshot="", duration_s=0.0,
        )  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> _batch.Files:
    """Six inputs, one line of them blank."""
    lines = [json.dumps({"n": n}) for n in range(6)]
    (tmp_path / "in.jsonl").write_text("\n".join([*lines[:3], "", *lines[3:]]) + "\n")
    return _batch.Files(tmp_path / "in.jsonl", tmp_path / "out.jsonl")


async def run(files: _batch.Files, feature: Feature, workers: int = 2) -> _batch.Tally:
    return await _batch.run(files, feature, workers, lambda *_: None)


async def test_every_input_has_a_row_that_says_which_line_it_answers(files: _batch.Files) -> None:
    tally = await run(files, Feature())
    assert tally == _batch.Tally(total=6, resumed=0, statuses={"answered": 6})
    assert {row["line"]: row["output"]["n"] for row in rows(files.out)} == {1: 0, 2: 1, 3: 2, 5: 3, 6: 4, 7: 5}


async def test_what_has_an_answer_is_not_run_again(files: _batch.Files) -> None:
    await run(files, Feature())
    before = files.out.read_bytes()
    again = Feature()
    assert (await run(files, again)).resumed == 6
    assert again.asked == []
    assert files.out.read_bytes() == before


@pytest.mark.parametrize("kept_bytes", [1, 40, 200])
async def test_a_half_written_last_line_is_repaired(kept_bytes: int, files: _batch.Files) -> None:
    await run(files, Feature())
    whole = files.out.read_bytes().splitlines(keepends=True)
    files.out.write_bytes(b"".join(whole[:4]) + whole[4][:kept_bytes])
    again = Feature()
    await run(files, again)
    assert len(again.asked) == 2
    assert sorted(row["line"] for row in rows(files.out)) == [1, 2, 3, 5, 6, 7]


async def test_only_a_half_written_line_is_no_foreign_file(files: _batch.Files) -> None:
    files.out.write_bytes(b'{"line": 1, "inp')
    assert (await run(files, Feature())).statuses == {"answered": 6}
    assert len(rows(files.out)) == 6


async def test_an_input_that_changed_is_answered_anew(files: _batch.Files) -> None:
    await run(files, Feature())
    files.inputs.write_text(files.inputs.read_text().replace('{"n": 4}', '{"n": 44}'))
    again = Feature()
    await run(files, again)
    assert again.asked == [{"n": 44}]
    assert sorted(row["output"]["n"] for row in rows(files.out)) == [0, 1, 2, 3, 5, 44]


async def test_what_failed_is_run_again(files: _batch.Files) -> None:
    await run(files, Feature(lambda values: "failed" if values["n"] == 2 else "answered"))
    again = Feature()
    assert (await run(files, again)).statuses == {"answered": 1}
    assert again.asked == [{"n": 2}]
    assert {row["status"] for row in rows(files.out)} == {"answered"}


async def test_a_line_that_is_no_object_is_refused_and_stops_nothing(files: _batch.Files) -> None:
    files.inputs.write_text('{"n": 0}\nnot json\n[1]\n')
    tally = await run(files, Feature())
    assert tally.statuses == {"answered": 1, "refused": 2}
    assert {row["line"]: row["error"]["message"][:7] for row in rows(files.out) if "error" in row} == {
        2: "line 2:",
        3: "line 3:",
    }


async def test_a_file_that_holds_something_else_is_left_alone(files: _batch.Files) -> None:
    files.out.write_text('{"my": "data"}\n')
    with pytest.raises(UsageError, match="holds something else"):
        await run(files, Feature())
    assert files.out.read_text() == '{"my": "data"}\n'


async def test_missing_inputs_are_misuse(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await run(_batch.Files(tmp_path / "none", tmp_path / "out"), Feature())
    assert not (tmp_path / "out").exists()


async def test_a_database_that_went_away_ends_the_batch_with_its_own_error(files: _batch.Files) -> None:
    async def broken(values: JsonObject) -> Answer:
        raise DatabaseUnavailable("gone")

    with pytest.raises(DatabaseUnavailable):
        await _batch.run(files, broken, 3, lambda *_: None)


@pytest.mark.parametrize(
    ("end", "code"),
    [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)],
    ids=["kill -9", "Ctrl-C", "TERM"],
)
def test_an_interrupted_batch_goes_on_where_it_stopped(
    end: signal.Signals, code: int, company: Path, steadyhand, tmp_path: Path
) -> None:
    (tmp_path / "in.jsonl").write_text(
        "".join(json.dumps({"question": f"What about {n}?"}) + "\n" for n in range(30))
    )
    arguments = ["run", "policy_answers", "--batch", "in.jsonl", "--out", "out.jsonl", "-w", str(company)]
    process = start(*arguments, cwd=tmp_path)
    out = tmp_path / "out.jsonl"
    while not out.exists() or out.read_bytes().count(b"\n") < 3:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(end)
    err = process.communicate(timeout=30)[1]
    assert process.returncode == code
    assert "Traceback" not in err
    answered = out.read_bytes()
    done = answered.count(b"\n")
    assert done < 30
    again = steadyhand(*arguments, "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout) == {"total": 30, "resumed": done, "statuses": {"answered": 30 - done}}
    assert "Running policy_answers  30/30" in again.stderr
    assert "\x1b" not in again.stderr
    assert "\r" not in again.stderr
    assert out.read_bytes().startswith(answered[: answered.rindex(b"\n") + 1])
    assert sorted(row["line"] for row in rows(out)) == list(range(1, 31))


def test_an_output_that_cannot_be_written_is_one_clear_error(company: Path, inside, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"question": "x"}\n')
    ended = inside("run", "policy_answers", "--batch", "in.jsonl", "--out", "none/out.jsonl", "-w", str(company))
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: none/out.jsonl: No such file or directory\nhint: ")


def test_a_batch_with_a_failure_exits_with_1(company: Path, inside, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"question": "How long must a password be?"}\n{"wrong": 1}\n')
    files = ["--batch", "in.jsonl", "--out", "out.jsonl"]
    ended = inside("run", "policy_answers", *files, "-w", str(company))
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "2 inputs: 1 answered, 1 refused; 0 had an answer already" in ended.stderr
    assert "error: 1 run did not end well" in ended.stderr
