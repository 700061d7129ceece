"""What of a row becomes a document: its key, its text, and what tells that it has changed."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import TypeAlias

from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from steadyhand.errors import DocumentUnreadable, SourceUnreadable, WorkspaceInvalid
from steadyhand.hints import did_you_mean
from steadyhand.knowledge.sources import _addresses

Row: TypeAlias = Mapping[str, object]

_LONGEST_TEXT = 20_000_000  # characters


def _printed(value: object) -> object:
    """What a template puts out: nothing for NULL, everything else as in `column: value` lines."""
    return value if isinstance(value, str) else plain(value)


_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, finalize=_printed, trim_blocks=True, lstrip_blocks=True
)
_ENVIRONMENT.globals.clear()


class RowTexts:
    """`template` and `title` see the columns by name, and all of them as `row`."""

    def __init__(self, name: str, *, key: str, template: str, title: str, changed: str) -> None:
        """Raises `WorkspaceInvalid` for a template that is none."""
        self._name = name
        self._key = key
        self._changed = changed
        self._template = _compiled("template", template)
        self._title = _compiled("title", title)
        self._needed = {
            "key": {key},
            "changed": {changed} - {""},
            "template": _names(template),
            "title": _names(title),
        }
        self._recipe = f"1\0{template}\0{title}\0"

    def require_columns(self, columns: Iterable[str]) -> None:
        """Raises `SourceUnreadable` when one is missing that the settings name."""
        known = list(columns)
        for setting, names in self._needed.items():
            for missing in sorted(names - set(known)):
                raise SourceUnreadable(
                    f"{setting}: expected one of the columns {', '.join(known)}; found {missing!r}",
                    hint=did_you_mean(missing, known) or "select the column, or name another one",
                )

    def key(self, row: Row) -> str:
        """The text that names the row. Raises `SourceUnreadable` for NULL and for an empty one."""
        value = row[self._key]
        found = value.hex() if isinstance(value, bytes | memoryview) else plain(value)
        if not found:
            raise SourceUnreadable(
                f"expected a value in the key column {self._key!r} of every row; found a row without one",
                hint="choose a column that is never empty, or leave such rows out",
            )
        return found

    def path(self, key: str) -> str:
        """The document's path: Markdown where a template wrote it, else plain text."""
        suffix = ".md" if self._template else ".txt"
        name = _addresses.safe(key)
        found = f"{_addresses.safe(self._name)}/{name}{suffix}"
        return found if name == key else _addresses.marked(found, key)

    def fingerprint(self, row: Row) -> str:
        """Of the column that tells a change, else of the whole row; changes with the templates, too."""
        told = row[self._changed] if self._changed else None
        seen = {"changed": plain(told)} if told is not None else {name: _exact(row[name]) for name in sorted(row)}
        return hashlib.sha256((self._recipe + json.dumps(seen)).encode("utf-8", "replace")).hexdigest()

    def content(self, row: Row) -> bytes:
        """The document. Raises `DocumentUnreadable` when a template fails on this row."""
        title = " ".join(self._rendered("title", self._title, row).split())
        if self._template:
            body, head = self._rendered("template", self._template, row), f"# {title}\n\n"
        else:
            body, head = _lines(row), f"{title}\n\n"
        return ((head if title else "") + body).encode("utf-8", "replace")

    def _rendered(self, setting: str, template: Template | None, row: Row) -> str:
        if template is None:
            return ""
        pieces, size = [], 0
        try:
            for piece in template.generate({**row, "row": row}):
                pieces.append(piece)
                size += len(piece)
                if size > _LONGEST_TEXT:
                    raise DocumentUnreadable(
                        f"{setting}: expected at most {_LONGEST_TEXT:,} characters; found more"
                    )
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise DocumentUnreadable(f"{setting}: expected a text of the row; {error}") from None
        return "".join(pieces)


def plain(value: object) -> str:
    """A value as people write it; "" for NULL and for bytes, which are no text."""
    if value is None or isinstance(value, bytes | bytearray | memoryview):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _lines(row: Row) -> str:
    return "\n".join(f"{name}: {written}" for name, value in row.items() if (written := plain(value)))


def _exact(value: object) -> str:
    """Equal for equal values only: NULL is no empty text, and bytes count."""
    if isinstance(value, bytes | bytearray | memoryview):
        return f"bytes {hashlib.sha256(value).hexdigest()}"
    return "null" if value is None else f"={plain(value)}"


def _compiled(setting: str, source: str) -> Template | None:
    try:
        return _ENVIRONMENT.from_string(source) if source else None
    except TemplateError as error:
        raise WorkspaceInvalid(
            f"{setting}: expected a Jinja template; {error}",
            hint="as {{ title }}: {{ text }}, with names of columns",
        ) from None


def _names(source: str) -> set[str]:
    return meta.find_undeclared_variables(_ENVIRONMENT.parse(source)) - {"row"}
