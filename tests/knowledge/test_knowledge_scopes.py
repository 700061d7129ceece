"""What is remembered of narrowed searches stays within its room, and true."""

from shelf import Shelf

from steadyhand.knowledge.index.kept import Kept
from steadyhand.knowledge.index.snapshots import Snapshots
from steadyhand.knowledge.search.scopes import Scopes
from steadyhand.storage import Database
from steadyhand.types.condition import Condition
from steadyhand.types.run import Principal
from steadyhand.types.search import SearchRequest

CALLER = Principal("shop", "caller", "sh_shop")


async def test_long_conditions_that_leave_nothing_do_not_fill_the_memory(database: Database) -> None:
    await database.execute("INSERT INTO knowledge_base (name, embedder) VALUES ('papers', 'minilm')")
    snapshot = await Snapshots(database).of("papers")
    scopes = Scopes(database, room_bytes=50_000)
    for number in range(100):
        where = (Condition("department", "eq", f"{number}" + "x" * 900),)
        request = SearchRequest(knowledge_base="papers", queries=("bonus",), principal=CALLER, where=where)
        scope = await scopes.of(snapshot, request)
        assert scope is not None
        assert len(scope.slots) == 0
    assert len(scopes._kept) < 50


async def test_who_may_see_an_earlier_text_only_now_finds_it_at_once(database: Database) -> None:
    shelf = await Shelf.of(database)
    then = await shelf.put("a.md", "The bonus is fixed.", labels=["hr"])
    await shelf.put("b.md", "Trains.")
    for _ in range(2):
        assert await shelf.found("bonus", as_of=then) == []
    await shelf.relabel("a.md", "everyone")
    assert [passage.source for passage in await shelf.found("bonus", as_of=then)] == ["a.md"]
    await shelf.relabel("a.md", "hr")
    assert await shelf.found("bonus", as_of=then) == []


def test_what_is_kept_twice_counts_once_and_what_is_too_large_is_not_kept() -> None:
    kept: Kept[str, bytes] = Kept(10, lambda key, value: len(value))
    for _ in range(5):
        kept.put("a", b"1234")
    kept.put("b", b"123456")
    assert (len(kept), kept.used_bytes) == (2, 10)
    assert kept.get("a") == b"1234"
    kept.put("c", b"1")  # b was asked for longest ago
    assert (kept.get("a"), kept.get("b"), kept.used_bytes) == (b"1234", None, 5)
    kept.put("d", b"12345678901")
    assert (len(kept), kept.used_bytes) == (2, 5)
    kept.put("a", b"12345678901")
    assert (kept.get("a"), kept.used_bytes) == (None, 1)
