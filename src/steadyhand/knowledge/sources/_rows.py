"""Rows of any database that SQLAlchemy speaks with: read-only, a batch at a time, with a bound on time."""

import re
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from steadyhand.errors import NotFound, SourceUnreadable
from steadyhand.hints import excerpt
from steadyhand.knowledge.sources._row_texts import Row

_BATCH = 100
_CONNECT_S = 10
_STEPS = 10_000  # of SQLite between two looks at the clock
_SETUP = {  # where the dialect itself knows neither a read-only transaction nor a time limit
    "postgresql": ("SET LOCAL statement_timeout = '{timeout_ms}ms'", "SET LOCAL lock_timeout = '10s'"),
    "mysql": ("SET SESSION TRANSACTION READ ONLY",),
    "mariadb": ("SET SESSION TRANSACTION READ ONLY",),
    "oracle": ("SET TRANSACTION READ ONLY",),
    "sqlite": ("PRAGMA query_only = ON",),
}
_PLACE = ("host", "port", "dbname", "service")  # of the options behind the question mark; others may be secret


class Rows:
    """What a statement selects. `timeout_s` is for all of it together.

    Messages never hold the password, the address or values of rows.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        """Raises `SourceUnreadable` for what is no URL of a database."""
        try:
            self._url = make_url(url)
        except SQLAlchemyError:
            raise SourceUnreadable(
                "expected an SQLAlchemy URL of a database; found another text",
                hint="as postgresql+psycopg://USER:PASSWORD@HOST/DATABASE",
            ) from None
        self._timeout_s = timeout_s

    @property
    def place(self) -> str:
        """Where the database is, without user and secrets."""
        options = {name: value for name, value in self._url.query.items() if name in _PLACE}
        plain = URL.create(
            self._url.get_backend_name(), host=self._url.host, port=self._url.port, database=self._url.database
        )
        return plain.set(query=options).render_as_string()

    def of_table(self, table: str, key: str, has_ended: Callable[[], bool]) -> Generator[Sequence[Row], None, None]:
        """All rows in the order of their key. `table` is TABLE or SCHEMA.TABLE."""
        schema, _, name = table.rpartition(".")
        selected = sqlalchemy.table(name, schema=schema or None)
        statement = sqlalchemy.select(sqlalchemy.text("*")).select_from(selected).order_by(sqlalchemy.column(key))
        return self._read(statement, has_ended)

    def of_query(self, query: str, has_ended: Callable[[], bool]) -> Generator[Sequence[Row], None, None]:
        """The rows as the query gives them. Colons in it are colons, not parameters."""
        return self._read(sqlalchemy.text(query.strip().rstrip(";").replace(":", r"\:")), has_ended)

    def _read(
        self, statement: sqlalchemy.Executable, has_ended: Callable[[], bool]
    ) -> Generator[Sequence[Row], None, None]:
        """Batches of rows. Blocks. Raises `NotFound` or `SourceUnreadable`; ends early when `has_ended` says so."""
        deadline = time.monotonic() + self._timeout_s
        with self._translated(), self._connected(lambda: has_ended() or time.monotonic() > deadline) as connection:
            streaming = connection.execution_options(stream_results=True, yield_per=_BATCH)
            for batch in streaming.execute(statement).mappings().partitions():
                if has_ended():
                    return
                if time.monotonic() > deadline:
                    raise SourceUnreadable(
                        f"expected all rows within {self._timeout_s:g} s; they took longer",
                        hint="select less, or several sources with a part each",
                    )
                yield [dict(row) for row in batch]

    @contextmanager
    def _connected(self, is_over: Callable[[], bool]) -> Iterator[sqlalchemy.Connection]:
        backend = self._url.get_backend_name()
        _require_file(self._url)
        is_libpq = self._url.drivername.startswith("postgresql") and "psycopg" in self._url.get_driver_name()
        engine = sqlalchemy.create_engine(
            self._url,
            poolclass=sqlalchemy.NullPool,
            hide_parameters=True,
            connect_args={"connect_timeout": _CONNECT_S} if is_libpq else {},
        )
        options = {"postgresql_readonly": True} if backend == "postgresql" else {}
        with engine.connect().execution_options(**options) as connection:
            for statement in _SETUP.get(backend, ()):
                connection.exec_driver_sql(statement.format(timeout_ms=max(1, int(1_000 * self._timeout_s))))
            if backend == "sqlite":
                driver = connection.connection.dbapi_connection
                assert driver is not None, "it was just connected"
                driver.set_progress_handler(is_over, _STEPS)
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        backend = self._url.get_backend_name()
        try:
            yield
        except ImportError as error:
            raise SourceUnreadable(
                f"expected a driver for {self._url.drivername}; {excerpt(str(error))}",
                hint="install the driver's package, or name another one as in postgresql+psycopg://",
            ) from None
        except (SQLAlchemyError, OSError, TypeError, ValueError) as error:  # drivers refuse options in many ways
            raise SourceUnreadable(
                f"expected rows of a {backend} database; {self._reason(error)}",
                hint="nothing was removed; check the query, the address and what its user may read",
            ) from None

    def _reason(self, error: Exception) -> str:
        """The first line of what the driver says, without what it must not tell."""
        said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        secrets = [self._url.password, *(value for name, value in self._url.query.items() if name not in _PLACE)]
        for secret in secrets:
            for form in (secret,) if isinstance(secret, str) else secret or ():
                said = said.replace(form, "…") if form else said
        return excerpt(re.sub(r"\s+", " ", said) or type(error).__name__)


def _require_file(url: URL) -> None:
    """SQLite would make the file that is not there."""
    name = url.database or ":memory:"
    if (
        url.get_backend_name() == "sqlite"
        and not name.startswith((":memory:", "file:"))
        and not Path(name).is_file()
    ):
        raise NotFound(f"expected an SQLite database in {name}; there is none", hint="check the path")
