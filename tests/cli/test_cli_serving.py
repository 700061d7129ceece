"""`up` and `demo`: what is served, what is said, and how it ends."""

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_program import start


def said_until(process: subprocess.Popen[str], words: str, timeout_s: float = 60) -> str:
    """What the program wrote to stderr, up to the line that holds `words`."""
    assert process.stderr is not None
    said = b""
    while words.encode() not in said:
        ready, _, _ = select.select([process.stderr], [], [], timeout_s)
        more = os.read(process.stderr.fileno(), 65_536) if ready else b""
        assert more, f"{words!r} was not said; only {said.decode()!r}"
        said += more
    return said.decode()


@contextlib.contextmanager
def holding(port: int) -> Iterator[None]:
    """Nobody else can listen on the port meanwhile; somebody may do so already."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            held.enter_context(socket.create_server(("127.0.0.1", port)))
        yield


def is_healthy(address: str) -> bool:
    with urllib.request.urlopen(f"{address}/healthz", timeout=10) as reply:
        return bool(reply.status == 200)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_server_says_where_it_is_and_stops_cleanly(
    end: signal.Signals, company: Path, tmp_path: Path, steadyhand
) -> None:
    process = start("up", "--port", "0", "-w", str(company), cwd=tmp_path)
    said = said_until(process, "Ctrl-C stops it")
    [address] = re.findall(r"Console +(http://127\.0\.0\.1:\d+)", said)
    assert is_healthy(address)
    searched = steadyhand("search", "policies", "hotel limit", "--top", "1", "-w", str(company))
    assert f"    {address}/knowledge/policies/" in searched.stdout
    process.send_signal(end)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err
    assert not (company / ".steadyhand" / "address").exists()


def test_the_admin_key_is_shown_at_the_first_start_only(tmp_path: Path, steadyhand, database_url: str) -> None:
    steadyhand("init", "fresh")
    keys = []
    for _ in range(2):
        arguments = ("up", "--port", "0", "--quiet", "-w", "fresh")
        process = start(*arguments, cwd=tmp_path, STEADYHAND_DATABASE_URL=database_url)
        said = said_until(process, "Console")
        process.send_signal(signal.SIGTERM)
        keys.append(re.findall(r"sh_\w{43}", said + process.communicate(timeout=30)[1]))
    assert [len(found) for found in keys] == [1, 0]


def test_a_server_says_when_an_edit_breaks_a_contract_and_when_one_mends_it(empty: Path, tmp_path: Path) -> None:
    contract = empty / "features" / "notes_answers" / "feature.toml"
    good = contract.read_text()
    database = os.environ["STEADYHAND_DATABASE_URL"]
    process = start("up", "--port", "0", "-w", str(empty), cwd=tmp_path, STEADYHAND_DATABASE_URL=database)
    said = said_until(process, "Ctrl-C stops it")
    [address] = re.findall(r"Console +(http://\S+)", said)
    [key] = re.findall(r"sh_\w{43}", said)

    def look() -> None:
        asked = urllib.request.Request(f"{address}/features", headers={"Authorization": f"Bearer {key}"})
        urllib.request.urlopen(asked, timeout=10).close()

    look()
    contract.write_text(good.replace("purpose", "porpose"))
    look()
    assert "warning: notes_answers: the last good version keeps running: " in said_until(process, "unknown key")
    contract.write_text(good)
    look()
    assert "info: notes_answers: the contract is good again" in said_until(process, "good again")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


def test_a_taken_port_is_misuse_with_a_way_out(company: Path, steadyhand) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = steadyhand("up", "--port", str(taken.getsockname()[1]), "-w", str(company))
    assert ended.returncode == 2
    assert "--port" in ended.stderr


def test_a_door_to_the_network_comes_with_a_warning(company: Path, tmp_path: Path) -> None:
    process = start("up", "--host", "0.0.0.0", "--port", "0", "-w", str(company), cwd=tmp_path)
    said = said_until(process, "Ctrl-C stops it")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert said.startswith("warning: listening on 0.0.0.0")


@pytest.mark.slow
def test_the_demo_answers_with_citations_then_serves_and_keeps_what_was_changed(
    tmp_path: Path, steadyhand, database_url: str, models_folder: Path
) -> None:
    once = steadyhand("demo", "--once", STEADYHAND_DATABASE_URL=database_url)
    assert once.returncode == 0
    assert "ok  example workspace in demo/\nok  MiniLM embeddings verified" in once.stderr
    assert "Ingesting policies  14/14" in once.stderr
    assert once.stdout.count("\nQ   ") == once.stdout.count("\nA   ") == 3
    assert "    [1] travel-policy.pdf, page 3\n" in once.stdout
    assert "http://" not in once.stdout
    assert "Next      steadyhand up -w demo " in once.stderr
    assert (
        len(re.findall(r"answered by extractive \(no model configured\) .* \$0\.00 +run \w{4}", once.stdout)) == 3
    )
    note = tmp_path / "demo" / "knowledge" / "policies" / "mine.md"
    note.write_text("# Mine\n\nThe cellar key hangs behind the door.\n")
    with holding(8484):
        process = start("demo", cwd=tmp_path, STEADYHAND_DATABASE_URL=database_url)
        said = said_until(process, "Ctrl-C stops it")
    assert "Ingesting policies  15/15  1 passage" in said
    assert "port 8484 is taken; this time it is" in said
    [address] = re.findall(r"Console +(http://\S+)", said)
    assert is_healthy(address)
    process.send_signal(signal.SIGTERM)
    answers = process.communicate(timeout=30)[0]
    assert re.search(
        rf"{address}/knowledge/policies/travel-policy\.pdf\?page=3&start=\d+&end=\d+&version=\d+#span\n", answers
    )
    assert process.returncode == 0


def test_the_demo_leaves_a_foreign_folder_alone(tmp_path: Path, steadyhand) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "notes.txt").write_text("mine")
    ended = steadyhand("demo", "--once")
    assert ended.returncode == 2
    assert "has something in it" in ended.stderr
