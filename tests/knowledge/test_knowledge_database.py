"""Rows of databases become documents, which follow the rows; what is secret about a database stays so."""

import asyncio
import sqlite3
import sys
import time
import tracemalloc
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from steadyhand.errors import DocumentUnreadable, NotFound, SourceUnreadable, SteadyhandError, WorkspaceInvalid
from steadyhand.knowledge.reading import formats
from steadyhand.knowledge.sources.database import Table
from steadyhand.types.source import Item, Remembered

ORDERS = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, title TEXT, body TEXT, paid BOOLEAN, changed TEXT, scan BLOB);
INSERT INTO orders VALUES (2, 'Ladder', 'Three metres, # not a heading\n<b>exact</b>', 1, '2026-01-02', x'00ff'),
 (1, 'Über 100% : it''s', NULL, 0, '2026-01-01', NULL);
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    execute(path, ORDERS)
    return path


def execute(path: Path, statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)


def orders(shop: Path, **options) -> Table:
    return Table(f"sqlite:///{shop}", **{"key": "id", "table": "orders"} | options)


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def listed(source: Table) -> dict[str, Item]:
    items = [item async for item in source.items({})]
    assert len({item.path for item in items}) == len(items)
    return {item.path: item for item in items}


async def texts(source: Table) -> dict[str, str]:
    return {path: (await item.open()).decode() for path, item in (await listed(source)).items()}


async def test_a_row_is_a_document_with_a_line_for_each_column(shop: Path) -> None:
    found = await texts(orders(shop))
    assert found == {
        "orders/1.txt": "id: 1\ntitle: Über 100% : it's\npaid: 0\nchanged: 2026-01-01",
        "orders/2.txt": "id: 2\ntitle: Ladder\nbody: Three metres, # not a heading\n<b>exact</b>\npaid: 1\n"
        "changed: 2026-01-02",
    }
    assert (await listed(orders(shop)))["orders/1.txt"].metadata == {"key": "1"}


async def test_a_template_writes_markdown_and_a_title_names_the_document(shop: Path) -> None:
    template = "{% if body %}## Text\n{{ body }}{% endif %} {{ row['id'] + 1 }}"
    found = await listed(orders(shop, template=template, title="Order {{ id }}:\n{{ title }}", name="sales"))
    assert list(found) == ["sales/1.md", "sales/2.md"]
    content = await found["sales/2.md"].open()
    assert content.decode().startswith("# Order 2: Ladder\n\n## Text\nThree metres")
    assert formats.read_document(content, "sales/2.md").title == "Order 2: Ladder"
    plain = await (await listed(orders(shop, title="Order {{ id }}")))["orders/2.txt"].open()
    assert formats.read_document(plain, "orders/2.txt").title == "Order 2"


async def test_a_query_chooses_rows_and_its_colons_and_percents_are_its_own(shop: Path) -> None:
    query = "SELECT id AS number, title FROM orders WHERE title LIKE '%100% : it%' OR title = ':x';"
    source = Table(f"sqlite:///{shop}", query=query, key="number")
    assert await texts(source) == {"rows/1.txt": "number: 1\ntitle: Über 100% : it's"}
    assert source.origin == f"sqlite:///{shop}#rows"


async def test_a_changed_row_has_another_fingerprint_and_a_deleted_one_is_not_listed(shop: Path) -> None:
    first = await listed(orders(shop))
    execute(shop, "UPDATE orders SET body = 'x' WHERE id = 1; DELETE FROM orders WHERE id = 2;")
    second = await listed(orders(shop))
    assert list(second) == ["orders/1.txt"]
    assert second["orders/1.txt"].fingerprint != first["orders/1.txt"].fingerprint
    assert (await listed(orders(shop)))["orders/1.txt"].fingerprint == second["orders/1.txt"].fingerprint
    execute(shop, "UPDATE orders SET id = 7")
    assert list(await listed(orders(shop))) == ["orders/7.txt"]


async def test_every_kind_of_value_tells_a_change(shop: Path) -> None:
    seen = {(await listed(orders(shop)))["orders/1.txt"].fingerprint}
    for change in ("body = ''", "scan = x'01'", "scan = x'02'", "scan = '02'", "paid = NULL", "paid = 'NULL'"):
        execute(shop, f"UPDATE orders SET {change} WHERE id = 1")
        seen.add((await listed(orders(shop)))["orders/1.txt"].fingerprint)
    assert len(seen) == 7


async def test_a_column_may_tell_what_has_changed(shop: Path) -> None:
    def source(**options) -> Table:
        return orders(shop, changed="changed", **options)

    first = await listed(source())
    execute(shop, "UPDATE orders SET body = 'noise'")
    assert [item.fingerprint for item in (await listed(source())).values()] == [
        item.fingerprint for item in first.values()
    ]
    execute(shop, "UPDATE orders SET changed = '2026-03-01' WHERE id = 1")
    second = await listed(source())
    assert [path for path in first if first[path].fingerprint != second[path].fingerprint] == ["orders/1.txt"]
    assert (await listed(source(template="{{ body }}")))["orders/2.md"].fingerprint != first[
        "orders/2.txt"
    ].fingerprint


async def test_a_row_that_never_says_when_it_changed_is_known_by_its_columns(shop: Path) -> None:
    execute(shop, "UPDATE orders SET changed = NULL")
    first = await listed(orders(shop, changed="changed"))
    execute(shop, "UPDATE orders SET body = 'x'")
    second = await listed(orders(shop, changed="changed"))
    assert first["orders/1.txt"].fingerprint != second["orders/1.txt"].fingerprint


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"key": "title", "query": "SELECT 'a' AS title UNION ALL SELECT 'a'"},
            "expected each row to have a title of its own; 'a' is there twice",
        ),
        ({"key": "x", "query": "SELECT NULL AS x"}, "expected a value in the key column 'x'"),
        ({"key": "x", "query": "SELECT '' AS x"}, "expected a value in the key column 'x'"),
        ({"key": "ID", "query": "SELECT * FROM orders"}, "key: expected one of the columns id, title"),
        ({"key": "id", "table": "orders", "changed": "chnged"}, "found 'chnged'"),
        ({"key": "id", "table": "orders", "template": "{{ boddy }}"}, "found 'boddy'"),
        ({"key": "id", "table": "orders", "title": "{{ tittle }}"}, "found 'tittle'"),
        ({"key": "id", "table": "invoices"}, "no such table: invoices"),
        ({"key": "id", "query": "SELEKT 1"}, "syntax error"),
        ({"key": "id", "query": "INSERT INTO orders (id) VALUES (9) RETURNING id"}, "readonly"),
        ({"key": "id", "query": "DELETE FROM orders"}, "readonly"),
    ],
)
async def test_what_cannot_be_listed_is_said_and_changes_nothing(shop: Path, options: dict, said: str) -> None:
    with pytest.raises(SourceUnreadable) as caught:
        await listed(Table(f"sqlite:///{shop}", **options))
    assert said in str(caught.value)
    assert len(await listed(orders(shop))) == 2


async def test_a_row_that_its_template_cannot_take_does_not_stop_the_others(shop: Path) -> None:
    found = await listed(orders(shop, template="{{ body.upper() }}"))
    assert list(found) == ["orders/1.md", "orders/2.md"]
    with pytest.raises(DocumentUnreadable, match="expected a text of the row"):
        await found["orders/1.md"].open()
    assert await found["orders/2.md"].open()


@pytest.mark.parametrize("template", ["{% if %}", "{{ x | nofilter }}", "{{"])
def test_a_template_that_is_none_is_refused_at_once(shop: Path, template: str) -> None:
    with pytest.raises(WorkspaceInvalid, match="template: expected a Jinja template"):
        orders(shop, template=template)


async def test_a_template_does_not_get_at_what_lies_behind_a_value(shop: Path) -> None:
    found = await listed(orders(shop, template="{{ title.__class__.__mro__ }}"))
    with pytest.raises(DocumentUnreadable, match="unsafe"):
        await found["orders/1.md"].open()


async def test_keys_are_safe_names(tmp_path: Path) -> None:
    execute(
        tmp_path / "k.db",
        "CREATE TABLE k (id TEXT); INSERT INTO k VALUES ('../../etc/passwd'), ('a/b'), ('a_b'), ('a:b'), (x'ff00');",
    )
    found = await listed(Table(f"sqlite:///{tmp_path}/k.db", key="id", table="k", name="../x"))
    assert {path.partition("/")[0] for path in found} == {"_.._x"}
    assert all(path.count("/") == 1 for path in found)
    assert len(found) == 5


async def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="expected an SQLite database"):
        await listed(orders(tmp_path / "none.db"))
    assert files(tmp_path) == []


SECRET = "hush-hush"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://u:{SECRET}@127.0.0.1:1/d",
        f"postgresql+psycopg://u@127.0.0.1:1/d?password={SECRET}",
        f"postgresql+psycopg://u:{SECRET}@127.0.0.1:1/d?nonsense={SECRET}",
        f"postgresql+nodriver://u:{SECRET}@h/d",
        f"nonsense://u:{SECRET}@h/d",
        f"mssql+pyodbc:///?odbc_connect=PWD%3D{SECRET}",
        f"no url {SECRET}",
        f"sqlite:///nowhere.db?key={SECRET}",
        f"sqlite:///:memory:?timeout={SECRET}",
    ],
)
async def test_secrets_are_in_no_message_and_no_origin(url: str) -> None:
    async def told() -> str:
        source = Table(url, key="id", table="t")
        assert SECRET not in f"{source.origin} {source!r}"
        return str(await listed(source))

    with pytest.raises(SteadyhandError) as caught:
        await told()
    assert SECRET not in f"{caught.value} {caught.value.hint}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_origin_says_where_and_what_and_neither_who_nor_how() -> None:
    def origin(url: str) -> str:
        return Table(url, key="id", table="crm.orders").origin

    assert (
        origin("postgresql+psycopg://u:p@h:5/d?sslmode=require&host=/run/x")
        == "postgresql://h:5/d?host=%2Frun%2Fx#crm.orders"
    )
    assert (
        origin("postgresql+psycopg2://other@h:5/d?host=/run/x") == "postgresql://h:5/d?host=%2Frun%2Fx#crm.orders"
    )


def test_without_sqlalchemy_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "steadyhand.knowledge.sources._rows", raising=False)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(SourceUnreadable, match="expected the package SQLAlchemy") as caught:
        Table("sqlite://", key="id", table="t")
    assert "steadyhand[database]" in caught.value.hint


async def test_a_query_that_takes_too_long_is_left(shop: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) AS id FROM n"
    with pytest.raises(SourceUnreadable, match="interrupted"):
        await listed(Table(f"sqlite:///{shop}", query=endless, key="id", timeout_s=0.2))


async def test_listing_that_is_given_up_ends_the_query(shop: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS id, 1 / 0 AS y FROM n WHERE x < 0"
    source = Table(f"sqlite:///{shop}", query=endless, key="id")
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await listed(source)
    assert time.monotonic() - began < 5


async def test_many_large_rows_do_not_fill_the_memory(tmp_path: Path) -> None:
    execute(
        tmp_path / "m.db",
        "CREATE TABLE m (id INTEGER PRIMARY KEY, body TEXT);"
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000)"
        " INSERT INTO m SELECT x, hex(randomblob(20000)) FROM n;",
    )
    tracemalloc.start()
    found = await listed(Table(f"sqlite:///{tmp_path}/m.db", key="id", table="m"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 1_000
    assert peak < 15 * 2**20  # of 40 MB
    assert len(await found["m/1000.txt"].open()) > 40_000


def as_sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.fixture
def crm(database_url: str) -> str:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA crm")
        connection.execute(
            'CREATE TABLE crm."Notes" ("Key" uuid PRIMARY KEY, text text, at timestamptz, price numeric, tags jsonb)'
        )
        connection.execute(
            "INSERT INTO crm.\"Notes\" SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid,"
            " 'note ' || n, '2026-01-01T00:00:00Z', 1.50, '[\"ä\"]' FROM generate_series(1, 1000) n"
        )
    return as_sqlalchemy(database_url)


async def test_tables_of_postgresql_are_read(crm: str) -> None:
    found = await listed(Table(crm, key="Key", table="crm.Notes"))
    assert len(found) == 1_000
    first = next(iter(found.values()))
    assert first.path == "crm.Notes/00000000-0000-0000-0000-000000000001.txt"
    content = (await first.open()).decode()
    assert content.endswith('text: note 1\nat: 2026-01-01T00:00:00+00:00\nprice: 1.50\ntags: ["ä"]')
    again = await listed(Table(crm, key="Key", table="crm.Notes"))
    assert {path: item.fingerprint for path, item in again.items()} == {
        path: item.fingerprint for path, item in found.items()
    }


async def test_queries_of_postgresql_are_read_and_cannot_write(crm: str) -> None:
    query = "SELECT text::varchar AS id, 'a:b %' AS x FROM crm.\"Notes\" WHERE text LIKE '%9_%' AND at <= now()::date + 9999"
    found = await texts(Table(crm, key="id", query=query))
    assert found["rows/note 98.txt"] == "id: note 98\nx: a:b %"
    with pytest.raises(SourceUnreadable, match=r"read-only|cannot"):
        await listed(Table(crm, key="id", query="SELECT lo_create(0)::text AS id"))


@pytest.mark.parametrize(
    "query",
    [
        'DELETE FROM crm."Notes" RETURNING text AS id',
        'SELECT 1 AS id; DROP TABLE crm."Notes"',
        'DROP TABLE crm."Notes"',
    ],
)
async def test_what_would_write_to_postgresql_is_refused(crm: str, query: str) -> None:
    with pytest.raises(SourceUnreadable):
        await listed(Table(crm, key="id", query=query))
    assert len(await listed(Table(crm, key="Key", table="crm.Notes"))) == 1_000


async def test_postgresql_is_told_how_long_a_statement_may_take(crm: str) -> None:
    with pytest.raises(SourceUnreadable, match="statement timeout"):
        await listed(Table(crm, key="id", query="SELECT pg_sleep(30)::text AS id", timeout_s=0.3))


def test_remembered_items_are_not_needed_to_know_a_row(shop: Path) -> None:
    async def both() -> None:
        first = [item async for item in orders(shop).items({})]
        known = {item.path: Remembered(item.fingerprint, item.notes) for item in first}
        second = [item async for item in orders(shop).items(known)]
        assert [item.fingerprint for item in second] == [item.fingerprint for item in first]

    asyncio.run(both())
