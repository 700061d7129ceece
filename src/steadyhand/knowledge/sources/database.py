"""The rows of a table or a query, each a document."""

import asyncio
import importlib
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, cast

from steadyhand.errors import DocumentUnreadable, SourceUnreadable
from steadyhand.hints import excerpt
from steadyhand.knowledge.sources._row_texts import Row, RowTexts
from steadyhand.knowledge.sources._spool import Open, Spool
from steadyhand.tables.sources import ROWS
from steadyhand.types.source import Item, Remembered

if TYPE_CHECKING:
    from steadyhand.knowledge.sources._rows import Rows

TIMEOUT_S = 600.0
"""For all rows of a source together."""

_MOST_ROWS = 1_000_000


class Table:
    """Rows of `table` (TABLE or SCHEMA.TABLE) or of `query`, of the database at the SQLAlchemy URL `url`.

    Column `key` names a row and with `name` its document: `NAME/KEY.txt`, or `NAME/KEY.md` where `template` writes
    it. `name` is the table's, or `rows`, unless said. A row is unchanged while its column `changed` is, and without
    one while all its columns are.

    The origin has no user, no password and no query, so that these may change and the documents remain.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str,
        table: str = "",
        query: str = "",
        name: str = "",
        template: str = "",
        title: str = "",
        changed: str = "",
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Raises `SourceUnreadable` without SQLAlchemy or for a wrong URL, `WorkspaceInvalid` for a template."""
        named = name or table or ROWS
        self._rows = _library()(url, timeout_s)
        self._texts = RowTexts(named, key=key, template=template, title=title, changed=changed)
        self._key = key
        self._table = table
        self._query = query
        self.origin = f"{self._rows.place}#{named}"

    async def items(self, known: Mapping[str, Remembered]) -> AsyncGenerator[Item, None]:
        """A table's rows in the order of their key, a query's as it gives them.

        All are read before the first is given: no transaction waits for what becomes of them. Their texts lie on
        disk meanwhile; up to a million rows. Raises `NotFound`, or `SourceUnreadable` when the rows cannot be read,
        when a key is missing or is there twice, and when a column is missing.
        """
        del known
        ended = threading.Event()
        try:
            items = await asyncio.to_thread(self._read, ended)
        finally:
            ended.set()
        for item in items:
            yield item

    def _read(self, ended: threading.Event) -> list[Item]:
        """Blocks; stops soon after `ended` is set."""
        items: dict[str, Item] = {}
        spool = Spool()
        with closing(self._batches(ended.is_set)) as batches:
            for batch in batches:
                self._texts.require_columns(batch[0])
                for row in batch:
                    item = self._item(row, spool)
                    self._require_new(item, items)
                    items[item.path] = item
        return list(items.values())

    def _require_new(self, item: Item, items: Mapping[str, Item]) -> None:
        if item.path in items:
            key = excerpt(repr(item.metadata["key"]))
            raise SourceUnreadable(
                f"expected each row to have a {self._key} of its own; {key} is there twice",
                hint="choose a column that is unique, or join several of them in a query",
            )
        if len(items) >= _MOST_ROWS:
            raise SourceUnreadable(
                f"expected at most {_MOST_ROWS:,} rows; found more", hint="select less, or several sources"
            )

    def _batches(self, has_ended: Callable[[], bool]) -> Generator[Sequence[Row], None, None]:
        if self._table:
            return self._rows.of_table(self._table, self._key, has_ended)
        return self._rows.of_query(self._query, has_ended)

    def _item(self, row: Row, spool: Spool) -> Item:
        key = self._texts.key(row)
        opened: Open
        try:
            opened = spool.put(self._texts.content(row))
        except DocumentUnreadable as error:
            opened = partial(_fail, str(error))
        return Item(
            path=self._texts.path(key),
            open=opened,
            fingerprint=self._texts.fingerprint(row),
            metadata={"key": key},
        )


async def _fail(reason: str) -> bytes:
    raise DocumentUnreadable(reason)


def _library() -> "type[Rows]":
    try:
        return cast("type[Rows]", importlib.import_module("steadyhand.knowledge.sources._rows").Rows)
    except ImportError:
        raise SourceUnreadable(
            "expected the package SQLAlchemy, to read a database; it is not installed",
            hint="pip install 'steadyhand[database]', and the driver of the database",
        ) from None
