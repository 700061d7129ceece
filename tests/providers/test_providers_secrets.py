"""Where keys come from, how long they are believed, and that nobody sees them."""

import asyncio
import logging
import os
import sys
import traceback
from dataclasses import replace
from pathlib import Path

import pytest
from raw_server import Exchange, asking, bearer, playing, saying, whole

from steadyhand.errors import ProviderRefused
from steadyhand.providers.secrets import Secrets
from steadyhand.providers.transport import Transport
from steadyhand.types.model import Provider

KEY = "topsecret-0123456789-abcdef"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def needing(variable: str = "", file: Path | str = "", command: tuple[str, ...] = ()) -> Provider:
    return Provider(
        name="test",
        dialect="openai",
        base_url="https://llm.example/v1",
        place="eu",
        clearance="internal",
        key_variable=variable,
        key_file=str(file),
        key_command=command,
    )


def printing(text: str, count: Path | None = None, code: int = 0) -> tuple[str, ...]:
    """A command that prints `text`, also to stderr, and leaves a mark in `count` each time it runs."""
    mark = f"open({str(count)!r}, 'a').write('.');" if count else ""
    program = f"import sys; {mark} said = {text[::-1]!r}[::-1]; print(said, file=sys.stderr); print(said); sys.exit({code})"
    return (sys.executable, "-c", program)


async def settled(secrets: Secrets, provider: Provider) -> str:
    """The key at hand once what is read in the background is read."""
    secrets.at_hand(provider)
    for _ in range(500):
        await asyncio.sleep(0.01)
        if not any(task.get_coro().__qualname__ == "Secrets._read" for task in asyncio.all_tasks()):
            break
    return secrets.at_hand(provider)


async def test_a_key_is_read_from_a_variable_a_file_or_a_command(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}-file\n")
    secrets = Secrets({"K": f" {KEY}-variable "}.__getitem__)
    from_command = needing("K", tmp_path / "key", printing(f"{KEY}-command"))
    assert await secrets.key(needing("K")) == f"{KEY}-variable"
    assert await secrets.key(needing("K", tmp_path / "key")) == f"{KEY}-file"
    assert await secrets.key(from_command) == f"{KEY}-command"
    assert secrets.at_hand(from_command) == f"{KEY}-command"


async def test_a_file_may_lie_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "key").write_text(KEY)
    assert await Secrets().key(needing(file="~/key")) == KEY


async def test_the_environment_is_read_once_a_minute_and_then_in_the_background() -> None:
    clock, reads, environment = Clock(), [], {"K": "old-key"}

    def variable(name: str) -> str:
        reads.append(name)
        return environment[name]

    secrets, provider = Secrets(variable, clock=clock), needing("K")
    assert secrets.at_hand(provider) == ""
    assert await secrets.key(provider) == "old-key"
    environment["K"] = "new-key"
    clock.now += 59
    assert [await settled(secrets, provider) for _ in range(3)] == ["old-key"] * 3
    clock.now += 2
    assert secrets.at_hand(provider) == "old-key"
    assert await settled(secrets, provider) == "new-key"
    assert len(reads) == 2


async def test_a_command_is_believed_for_five_minutes(tmp_path: Path) -> None:
    clock, count = Clock(), tmp_path / "count"
    secrets, provider = Secrets(clock=clock), needing(command=printing(KEY, count))
    assert await asyncio.gather(*(secrets.key(provider) for _ in range(8))) == [KEY] * 8
    clock.now += 299
    assert await settled(secrets, provider) == KEY
    assert count.read_text() == "."
    clock.now += 2
    assert await settled(secrets, provider) == KEY
    assert count.read_text() == ".."


async def test_a_refused_key_is_read_anew_before_the_next_call(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("old-key")
    secrets, provider = Secrets(), needing(file=tmp_path / "key")
    await secrets.key(provider)
    (tmp_path / "key").write_text("new-key")
    assert secrets.at_hand(provider) == "old-key"
    secrets.refused(provider)
    assert secrets.at_hand(provider) == ""
    assert await secrets.key(provider) == "new-key"
    assert secrets.at_hand(provider) == "new-key"


async def test_refusals_do_not_run_a_command_again_and_again(tmp_path: Path) -> None:
    clock, count = Clock(), tmp_path / "count"
    secrets, provider = Secrets(clock=clock), needing(command=printing(KEY, count))
    await secrets.key(provider)
    for _ in range(3):
        secrets.refused(provider)
        assert await secrets.key(provider) == KEY
    assert count.read_text() == "."
    clock.now += 11
    secrets.refused(provider)
    assert await secrets.key(provider) == KEY
    assert count.read_text() == ".."


async def test_a_provider_that_answers_401_gets_the_new_key_next(tmp_path: Path) -> None:
    async def play(exchange: Exchange) -> None:
        is_right = "Bearer new-key" in exchange.head
        await exchange.say(whole(b"{}") if is_right else whole(b"no", "401 Unauthorized"))

    (tmp_path / "key").write_text("old-key")
    async with playing(play) as server:
        transport = Transport()
        provider = replace(server.provider(), key_file=str(tmp_path / "key"))
        statuses = []
        for key in ("old-key", "new-key", "new-key"):
            (tmp_path / "key").write_text(key)
            statuses.append((await transport.unary(provider, asking(), authorize=bearer, timeout_s=5))[0])
        await transport.close()
    assert statuses == [401, 200, 200]


UNUSABLE = {
    "a variable that is not set": (needing("K"), "a key in K; it is not set"),
    "a file that is not there": (needing(file="/nowhere/key"), "a key in /nowhere/key; No such file"),
    "a folder": (needing(file="/"), "a key in /; Is a directory"),
    "a command that is not there": (
        needing(command=("no-such-program",)),
        "no-such-program to print a key; .*No such",
    ),
    "a command that fails": (needing(command=printing(KEY, code=3)), "to print a key; it ended with code 3"),
    "a command without output": (needing(command=printing("")), "a key in the output of .*; it is empty"),
    "two lines": (needing(command=printing(f"{KEY}\nmore")), "printable ASCII in the output of"),
    "umlauts": (needing(command=printing("schlüssel")), "printable ASCII in the output of"),
}


@pytest.mark.parametrize("name", UNUSABLE)
async def test_what_is_no_key_is_refused_by_its_place_and_not_shown(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    provider, said = UNUSABLE[name]
    secrets = Secrets(lambda variable: "")
    callers = await asyncio.gather(*(secrets.key(provider) for _ in range(2)), return_exceptions=True)
    assert callers[0] is not callers[1]
    with pytest.raises(ProviderRefused, match=said) as raised:
        await secrets.key(provider)
    assert raised.value.hint
    shown = (
        "".join(traceback.format_exception(raised.value)) + raised.value.hint + repr(vars(secrets)) + caplog.text
    )
    assert KEY not in shown
    assert "schl" not in shown


async def test_a_command_that_does_not_end_is_stopped() -> None:
    endless = needing(command=(sys.executable, "-c", "import time; time.sleep(60)"))
    with pytest.raises(ProviderRefused, match="it did not end"):
        await Secrets(command_s=0.2).key(endless)


async def test_a_key_that_can_no_longer_be_had_is_said_at_the_next_call(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "key").write_text(KEY)
    secrets, provider = Secrets(clock=clock), needing(file=tmp_path / "key")
    await secrets.key(provider)
    (tmp_path / "key").unlink()
    clock.now += 61
    assert await settled(secrets, provider) == ""
    with pytest.raises(ProviderRefused, match="No such file"):
        await secrets.key(provider)
    assert KEY not in secrets.redacted(f"no {KEY}", provider)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize(("mode", "is_warned"), [(0o600, False), (0o640, True), (0o604, True)])
async def test_a_file_that_others_can_read_is_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, is_warned: bool
) -> None:
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(mode)
    await Secrets().key(needing(file=tmp_path / "key"))
    assert ("can be read by other users" in caplog.text) is is_warned
    assert KEY not in caplog.text


async def test_texts_lose_the_key_the_one_before_it_their_beginnings_and_what_looks_like_one() -> None:
    environment = {"K": "first-key-0123456789"}
    secrets, provider = Secrets(environment.__getitem__), needing("K")
    await secrets.key(provider)
    environment["K"] = "AKID0123456789ABCDEF:second/secret+part0123456789"
    secrets.refused(provider)
    await secrets.key(provider)
    for leaked in (
        "first-key-0123456789",
        "first-key-01234",  # a text that was cut
        "AKID0123456789ABCDEF:second/secret+part0123456789",
        "second/secret+part0123456789",
        r"second\/secret+part0123456789",  # as some write JSON
        "second%2Fsecret%2Bpart0123456789",
        "QUtJRDAxMjM0NTY3ODlBQkNERUY6c2Vjb25kL3NlY3JldCtwYXJ0MDEyMzQ1Njc4OQ",
        "AKID0123456789ABCDEF/20261121/eu/bedrock",
        "sk-ab***yz",
        "AIzaSyA-0123456789",
    ):
        redacted = secrets.redacted(f"bad key '{leaked}', sorry", provider)
        assert redacted == "bad key '***', sorry"
    assert secrets.redacted("first and second are words", provider) == "first and second are words"


async def test_what_holds_keys_does_not_show_them() -> None:
    secrets = Secrets(lambda variable: KEY)
    await secrets.key(needing("K"))
    assert KEY not in repr(secrets) + repr(vars(secrets))


async def test_a_key_in_a_file_reaches_its_provider(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    async with playing(saying(whole(b"{}"))) as server:
        transport = Transport()
        provider = replace(server.provider(), key_file=str(tmp_path / "key"))
        await transport.unary(provider, asking(), authorize=bearer, timeout_s=5)
        await transport.close()
    assert f"authorization: Bearer {KEY}\r\n" in server.heads[0]


def test_a_key_is_in_no_log_and_no_repr_not_even_when_asyncio_is_debugged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = "topsecret-0123456789"
    file = tmp_path / "key"
    file.write_text(key)
    file.chmod(0o600)
    places = [
        needing("K"),
        replace(needing(""), key_file=str(file)),
        replace(needing(""), key_command=("cat", str(file))),
    ]

    async def read() -> None:
        asyncio.get_running_loop().slow_callback_duration = 0.0
        secrets = Secrets(lambda _: key)
        for provider in places:
            assert await secrets.key(provider) == key
            assert secrets.at_hand(provider) == key
        assert key not in repr(vars(secrets))
        await secrets.close()

    caplog.set_level(logging.DEBUG)
    asyncio.run(read(), debug=True)
    assert "Executing" in caplog.text
    assert "topsecret" not in caplog.text


async def test_a_command_that_prints_without_end_is_stopped() -> None:
    endless = replace(needing(""), key_command=("sh", "-c", "while :; do echo 0123456789; done"))
    with pytest.raises(ProviderRefused, match="it did not end"):
        await Secrets(command_s=0.3).key(endless)


async def test_a_key_is_read_although_its_command_left_something_running() -> None:
    leaving = replace(needing(""), key_command=("sh", "-c", "sleep 3 & echo the-key"))
    async with asyncio.timeout(2):
        assert await Secrets().key(leaving) == "the-key"
