"""On which line of a TOML text a key stands. The standard library's parser does not say.

The text is one that parses; the scanner only has to find its way through it. Source: the grammar of TOML 1.0.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any, TypeAlias

Key: TypeAlias = str | int
KeyPath: TypeAlias = tuple[Key, ...]
"""Where a value stands in a table: `("check", 1, "rule")` is `rule` of the second `[[check]]`."""

_KEY_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEY = re.compile(rf"{_KEY_PART}(?:[ \t]*\.[ \t]*{_KEY_PART})*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(
    r'"{3}(?:\\.|[^\\])*?"{3}(?!")'
    r"|'{3}.*?'{3}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|[^,\[\]{}#\n]+",
    re.DOTALL,
)


def locate(text: str) -> dict[KeyPath, int]:
    """The line, counted from 1, of every key, table and list item of `text`.

    A table is where its header is, or where its first dotted key is; a list item where its value begins.
    """
    return _Scanner(text).scan()


def nearest(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of `path`, else that of its nearest parent, else 1."""
    for depth in range(len(path), 0, -1):
        if path[:depth] in lines:
            return lines[path[:depth]]
    return 1


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._lines: dict[KeyPath, int] = {}
        self._tables: dict[KeyPath, int] = {}  # how many [[tables]] a list has so far

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            table = self._header() if self._next_is("[") else self._pair(table)
            self._skip(_BLANK)
        return self._lines

    def _header(self) -> KeyPath:
        """Read `[a.b]` or `[[a.b]]`; the path of the table that it opens."""
        is_list = self._next_is("[[")
        self._advance(2 if is_list else 1)
        *parents, last = self._key()
        path: KeyPath = ()
        for key in parents:
            path = self._open((*path, key))
        path = (*path, last)
        self._lines.setdefault(path, self._line)
        if is_list:
            self._tables[path] = self._tables.get(path, 0) + 1
        path = self._open(path)
        self._skip(_BLANK)
        self._advance(2 if is_list else 1)
        return path

    def _open(self, path: KeyPath) -> KeyPath:
        """`path` itself, or its latest item when it is a list of tables."""
        if path in self._tables:
            path = (*path, self._tables[path] - 1)
        self._lines.setdefault(path, self._line)
        return path

    def _pair(self, table: KeyPath) -> KeyPath:
        """Read `key = value`; the table it belongs to."""
        path = table
        for key in self._key():
            path = (*path, key)
            self._lines.setdefault(path, self._line)
        self._skip(_BLANK)
        self._advance(1)  # =
        self._value(path)
        return table

    def _key(self) -> tuple[str, ...]:
        """Read a dotted key. The library decodes it: escapes are its business."""
        self._skip(_BLANK)
        match = _KEY.match(self._text, self._at)
        assert match is not None, "the text parses as TOML"
        self._at = match.end()
        parts: list[str] = []
        node: Any = tomllib.loads(f"{match.group()} = 0")
        while isinstance(node, dict):
            [(part, node)] = node.items()
            parts.append(part)
        return tuple(parts)

    def _value(self, path: KeyPath) -> None:
        self._skip(_BLANK)
        self._lines.setdefault(path, self._line)
        if self._next_is("["):
            self._items(path)
        elif self._next_is("{"):
            self._inline_table(path)
        else:
            self._skip(_SCALAR)

    def _items(self, path: KeyPath) -> None:
        self._advance(1)
        self._skip(_BLANK)
        index = 0
        while not self._next_is("]"):
            self._value((*path, index))
            index += 1
            self._comma()
        self._advance(1)

    def _inline_table(self, path: KeyPath) -> None:
        self._advance(1)
        self._skip(_BLANK)
        while not self._next_is("}"):
            self._pair(path)
            self._comma()
        self._advance(1)

    def _comma(self) -> None:
        self._skip(_BLANK)
        if self._next_is(","):
            self._advance(1)
            self._skip(_BLANK)

    def _next_is(self, sign: str) -> bool:
        return self._text.startswith(sign, self._at)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        assert match is not None, "the text parses as TOML"
        self._line += match.group().count("\n")
        self._at = match.end()

    def _advance(self, count: int) -> None:
        self._at += count
