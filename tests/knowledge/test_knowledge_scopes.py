"""What is remembered of narrowed searches stays within its room."""

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
