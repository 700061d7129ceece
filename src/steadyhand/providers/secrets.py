"""The keys of providers: where they come from, how long they are believed, and how they are kept out of texts.

A key is read from the first place that its provider names: a command, a file, a variable. What was read is used for
a while without looking again; what has become old is read anew in the background, while it still serves. A key that
a provider refuses is read anew before the next call. No error, log or `repr` shows a key.
"""

import asyncio
import base64
import json
import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from steadyhand import settings
from steadyhand.errors import ProviderRefused
from steadyhand.types.model import Provider

_log = logging.getLogger(__name__)

_Places = tuple[tuple[str, ...], str, str]

_FRESH_S = 60.0
"""How long a variable or a file is believed."""

_PRINTED_FRESH_S = 300.0
"""How long the output of a command is believed."""

_REPEAT_S = 10.0
"""A command is not run again so soon because a key was refused: it may be the account that is at fault."""

_MOST_BYTES = 64 * 2**10

_KEY_LIKE = re.compile(
    r"\b(?:(?:sk|gsk|csk|xai|fw|tgp|pk|hf|nvapi|r8)[-_][\w*.-]{6,}"
    r"|AIza[\w*-]{6,}|ya29\.[\w*.-]{6,}|(?:AKIA|ASIA)[A-Z0-9*]{6,})"
)
"""How keys begin that vendors repeat in part, such as `sk-ab***yz`."""


@dataclass(frozen=True, slots=True)
class _Hidden:
    """A key on its way out of a task or a thread, whose results asyncio writes into its log when it debugs."""

    text: str = field(repr=False)


@dataclass(slots=True)
class _Known:
    """What is known of the key of one place. `before` is the one it replaced."""

    value: str = field(default="", repr=False)
    before: str = field(default="", repr=False)
    read_at: float = float("-inf")
    is_refused: bool = False
    reading: "asyncio.Task[_Hidden] | None" = None


class Secrets:
    """`variable` gives the value of an environment variable, "" when it is not set; `clock` counts seconds.

    A command that has not ended after `command_s` is stopped. Used within one event loop.
    """

    def __init__(
        self,
        variable: Callable[[str], str] = settings.secret,
        *,
        clock: Callable[[], float] = time.monotonic,
        command_s: float = 10.0,
    ) -> None:
        self._variable = variable
        self._clock = clock
        self._command_s = command_s
        self._known: dict[_Places, _Known] = {}

    def at_hand(self, provider: Provider) -> str:
        """The key when it can be used without waiting, else "". Old ones are renewed in the background."""
        known = self._known.get(_places(provider))
        if known is None or known.is_refused or not known.value:
            return ""
        if self._clock() - known.read_at > _fresh_s(provider) and known.reading is None:
            self._read_anew(provider, known)
        return known.value

    async def key(self, provider: Provider) -> str:
        """The provider's key. Raises `ProviderRefused`, which names the place, when there is none of use."""
        known = self._known.setdefault(_places(provider), _Known())
        is_recent = self._clock() - known.read_at < _REPEAT_S
        if known.is_refused and known.value and provider.key_command and is_recent:
            return known.value
        try:
            found = await asyncio.shield(known.reading or self._read_anew(provider, known))
        except ProviderRefused as error:  # others may be waiting for the same one
            raise ProviderRefused(str(error), hint=error.hint) from None
        return found.text

    def refused(self, provider: Provider) -> None:
        """The provider did not take the key: look again before the next call."""
        known = self._known.get(_places(provider))
        if known is not None:
            known.is_refused = True

    def redacted(self, text: str, provider: Provider) -> str:
        """`text` without the provider's key, the one before it, their beginnings, and what looks like a key."""
        known = self._known.get(_places(provider))
        for key in (known.value, known.before) if known is not None else ():
            if key:
                text = re.sub(_anywhere(key), "***", text)
        return _KEY_LIKE.sub("***", text)

    async def close(self) -> None:
        """Stop what is being read."""
        for known in self._known.values():
            if known.reading is not None:
                known.reading.cancel()
                await asyncio.wait([known.reading])

    def _read_anew(self, provider: Provider, known: _Known) -> "asyncio.Task[_Hidden]":
        known.reading = asyncio.create_task(self._read(provider, known))
        known.reading.add_done_callback(_hear)
        return known.reading

    async def _read(self, provider: Provider, known: _Known) -> _Hidden:
        try:
            value = _usable(await self._found(provider), provider)
        except ProviderRefused:
            known.value, known.before = "", known.value or known.before
            raise
        finally:
            known.reading = None
            known.read_at = self._clock()
        if value != known.value:
            known.value, known.before = value, known.value or known.before
        known.is_refused = False
        return _Hidden(value)

    async def _found(self, provider: Provider) -> str:
        if provider.key_command:
            return await _printed(tuple(provider.key_command), self._command_s)
        if provider.key_file:
            return (await asyncio.to_thread(_written, Path(provider.key_file))).text
        return self._variable(provider.key_variable)


def _place(provider: Provider) -> str:
    """Where the provider's key is looked for, in words."""
    if provider.key_command:
        return f"the output of {provider.key_command[0]}"
    return provider.key_file or provider.key_variable


def _places(provider: Provider) -> _Places:
    return (tuple(provider.key_command), provider.key_file, provider.key_variable)


def _fresh_s(provider: Provider) -> float:
    return _PRINTED_FRESH_S if provider.key_command else _FRESH_S


def _hear(reading: "asyncio.Task[_Hidden]") -> None:
    """Nobody may be waiting for it; the next call says what is wrong."""
    if not reading.cancelled():
        reading.exception()


def _usable(key: str, provider: Provider) -> str:
    key, place = key.strip(), _place(provider)
    if not key:
        is_variable = place == provider.key_variable
        raise ProviderRefused(
            f"expected a key in {place}; it is {'not set' if is_variable else 'empty'}",
            hint=f"{f'set {place}' if is_variable else 'put the key there'}; steadyhand doctor checks it",
        )
    if not (key.isascii() and key.isprintable()):
        raise ProviderRefused(
            f"expected a key of printable ASCII in {place}; found other characters", hint="copy the key again"
        )
    return key


def _written(path: Path) -> _Hidden:
    """Blocks. The content of a key file; warns when others can read it."""
    try:
        path = path.expanduser()
        with path.open("rb") as file:
            mode = path.stat().st_mode
            content = file.read(_MOST_BYTES)
    except (OSError, RuntimeError) as error:  # RuntimeError: no home folder
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ProviderRefused(
            f"expected a key in {path}; {reason}", hint="key_file names the file; one line, the key"
        ) from None
    if os.name == "posix" and mode & (stat.S_IRGRP | stat.S_IROTH):
        _log.warning("%s holds a key and can be read by other users; chmod 600 %s", path, path)
    return _Hidden(content.decode("latin-1"))


async def _printed(command: tuple[str, ...], most_s: float) -> str:
    """What the command prints, which has to fit a pipe. What it says to stderr may hold a key too: nobody sees it.

    The pipe is read here, when the command has ended: what asyncio reads of one it writes into its log when it
    debugs.
    """
    hint = "run it in a terminal: key_command has to print the key and nothing else"
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=writing, stderr=asyncio.subprocess.DEVNULL
            )
        except (OSError, ValueError) as error:
            raise ProviderRefused(f"expected {command[0]} to print a key; {error}", hint=hint) from None
        finally:
            os.close(writing)
        code = await _ended(process, most_s)
        if code is None:
            raise ProviderRefused(
                f"expected {command[0]} to print a key within {most_s:g} s; it did not end", hint=hint
            )
        if code:
            raise ProviderRefused(f"expected {command[0]} to print a key; it ended with code {code}", hint=hint)
        os.set_blocking(reading, False)  # what the command left running may hold the other end
        return (pipe.read(_MOST_BYTES) or b"").decode("latin-1")


async def _ended(process: asyncio.subprocess.Process, most_s: float) -> int | None:
    """The code that the process ended with; None when it was stopped because it took longer."""
    try:
        async with asyncio.timeout(most_s):
            return await process.wait()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _anywhere(key: str) -> str:
    """A pattern for the key in the spellings of texts, for its beginning where one was cut, and for its parts."""
    forms = [form for part in (key, *key.split(":")) if len(part) >= 16 for form in _spellings(part)]
    heads = sorted({form[:8] for form in forms})
    whole = sorted(set(_spellings(key)), key=len, reverse=True)
    return "|".join([*map(re.escape, whole), *(re.escape(head) + r"[^\s\"'<>,;)]*" for head in heads)])


def _spellings(text: str) -> Iterator[str]:
    """As it is, inside of JSON, in an address, and in base64."""
    escaped = json.dumps(text)[1:-1]
    yield from (text, escaped, escaped.replace("/", "\\/"), quote(text, safe=""))
    yield base64.b64encode(text.encode()).decode().rstrip("=")
