"""JSON and JSON lines: fields as `key: value`, lists of alike records as tables, sections by the path of keys."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._decode import decoded
from steadyhand.knowledge.readers._draft import Draft, canonical, collapsed, is_title
from steadyhand.types.document import Document

EXTENSIONS = (".json", ".jsonl", ".ndjson")

_DEEPEST = 64  # levels of lists and objects
_SHORT = 80  # code points of a list that stands on the line of its key
_WIDE = 16  # columns of a table
_LONG_CELL = 200  # code points of a value that makes records out of rows
_SAMPLE = 50  # records that say whether a list is a table
_LABELS = ("title", "name", "label", "subject", "question", "id", "_id", "key")
_ANY_LINE = re.compile(r"[^\n]+")

_Scalar: TypeAlias = "str | bool | None"
_Value: TypeAlias = "_Scalar | list[_Value] | dict[str, _Value]"


def read(content: bytes, name: str) -> Document:
    """The document, named by its `title` or `name`, else like its file. Numbers stay as they are written.

    Raises `DocumentUnreadable` for what is no JSON, naming the line, and for more than 64 levels.
    """
    text = decoded(content, name).strip()
    writing = _Writing(Draft(name), name)
    title = ""
    if name.lower().endswith(".json") and not _is_lines(text):
        value = _parsed(text, name, line=0)
        title = _title(value)
        writing.value(value, 1)
    else:
        lines = enumerate(_ANY_LINE.finditer(text), start=1)
        writing.records((_parsed(line[0], name, line=number) for number, line in lines if line[0].strip()), 1)
    return writing.draft.document(title)


def _is_lines(text: str) -> bool:
    """Files with one record per line often have the name of a single one."""
    first, _, rest = text.partition("\n")
    if not rest.lstrip().startswith("{") or not first.rstrip().endswith("}"):
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return True


def _parsed(text: str, name: str, *, line: int) -> _Value:
    try:
        value: _Value = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        place = f"line {line or error.lineno}, column {error.colno}"
        raise DocumentUnreadable(
            f"{name}: expected JSON; found {error.msg.lower()} at {place}",
            hint="is it cut off, or another format?",
        ) from None
    except RecursionError:
        raise _too_deep(name) from None
    return value


def _too_deep(name: str) -> DocumentUnreadable:
    return DocumentUnreadable(
        f"{name}: expected lists and objects at most {_DEEPEST} levels deep; found more",
        hint="leave out what is generated",
    )


def _title(value: _Value) -> str:
    stated = [value.get(key) for key in ("title", "name")] if isinstance(value, dict) else []
    return next((text for text in stated if isinstance(text, str) and is_title(text)), "")


class _Writing:
    """Writes values into a draft; `level` is the depth of the section they stand in, from 1."""

    def __init__(self, draft: Draft, name: str) -> None:
        self.draft = draft
        self._name = name

    def value(self, value: _Value, level: int) -> None:
        if level > _DEEPEST:
            raise _too_deep(self._name)
        if isinstance(value, dict):
            self._object(value, level)
        elif isinstance(value, list):
            self._list(value, level)
        else:
            self.draft.add("paragraph", _shown(value))

    def records(self, records: Iterator[_Value], level: int) -> None:
        """Write objects as a table while they are alike and short, and each as a section of its own else."""
        sample = [record for _, record in zip(range(_SAMPLE), records, strict=False)]
        columns = _columns(sample)
        rows = _Rows(self.draft, columns)
        for at, record in enumerate(_chained(sample, records), start=1):
            if columns and isinstance(record, dict) and record.keys() <= columns.keys() and _is_flat(record):
                rows.add(record)
                continue
            rows.end()
            if isinstance(record, dict):
                self.draft.heading(_label(record) or str(at), level)
                self.value(record, level + 1)
                self.draft.leave_sections() if level == 1 else None
            else:
                self.value(record, level + 1)
        rows.end()

    def _object(self, found: Mapping[str, _Value], level: int) -> None:
        """First what fits on lines, then every part in a section of its own."""
        lines = {key: text for key, value in found.items() if (text := _on_a_line(value)) is not None}
        self.draft.add("paragraph", "\n".join(f"{key}: {text}" for key, text in lines.items() if text))
        for key, value in found.items():
            if key not in lines:
                self.draft.heading(key, level)
                self.value(value, level + 1)

    def _list(self, found: Sequence[_Value], level: int) -> None:
        if all(isinstance(item, dict) for item in found):
            self.records(iter(found), level)
        elif any(isinstance(item, (dict, list)) for item in found):
            for item in found:
                line = _on_a_line(item)
                if line is None:
                    self.value(item, level + 1)
                else:
                    self.draft.add("paragraph", line)
        else:
            self.draft.add("list", "\n".join(f"- {collapsed(_shown(item))}" for item in found))


class _Rows:
    """A table in the making."""

    def __init__(self, draft: Draft, columns: Mapping[str, None]) -> None:
        self._draft = draft
        self._columns = columns
        self._lines: list[str] = []
        self._length = 0

    def add(self, record: Mapping[str, _Value]) -> None:
        line = " | ".join(collapsed(_on_a_line(record.get(key)) or "") for key in self._columns).rstrip(" |")
        self._lines.append(line)
        self._length += len(line) + 1
        self._draft.check_length(self._length)

    def end(self) -> None:
        if self._lines:
            titles = " | ".join(map(collapsed, self._columns))
            self._draft.add("table", "\n".join([titles, *self._lines]), header_lines=1)
        self._lines, self._length = [], 0


def _chained(sample: Sequence[_Value], rest: Iterator[_Value]) -> Iterator[_Value]:
    yield from sample
    yield from rest


def _columns(sample: Sequence[_Value]) -> dict[str, None]:
    """The columns of a table in the order of their first appearance; none when the records are no rows."""
    records = [record for record in sample if isinstance(record, dict)]
    columns = {key: None for record in records for key in record}
    filled = sum(len(record) for record in records)
    is_table = (
        len(records) == len(sample) > 1
        and 2 <= len(columns) <= _WIDE
        and 2 * filled >= len(columns) * len(records)
        and all(map(_is_flat, records))
    )
    return columns if is_table else {}


def _is_flat(record: Mapping[str, _Value]) -> bool:
    lines = [_on_a_line(value) for value in record.values()]
    return all(line is not None and len(line) <= _LONG_CELL for line in lines)


def _on_a_line(value: _Value) -> str | None:
    """A value that can stand behind its key; None for what takes a section."""
    if isinstance(value, dict):
        return None if value else ""
    if not isinstance(value, list):
        return canonical(_shown(value)).strip()
    if any(isinstance(item, (dict, list)) for item in value):
        return None
    line = collapsed(canonical(", ".join(map(_shown, value))))
    return line if len(line) <= _SHORT else None


def _shown(value: _Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _label(record: Mapping[str, _Value]) -> str:
    """What a person would call a record."""
    texts = (record.get(key) for key in _LABELS)
    return next((text.strip() for text in texts if isinstance(text, str) and text.strip()), "")
