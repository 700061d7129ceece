"""Vector stores beside PostgreSQL, as `steadyhand.toml` says it."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from steadyhand.errors import WorkspaceInvalid
from steadyhand.hints import did_you_mean
from steadyhand.types.text import DataClass, rank


class StoreSettings(BaseModel):
    """A vector store. It holds nothing that cannot be made again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(description="A file of `knowledge/stores/`: qdrant, weaviate, pinecone or milvus.")
    url: str = Field(
        "", description="Where it answers; `file:PATH` is in this process, where the client can.", repr=False
    )
    key_variable: str = Field("", description="Environment variable that holds its key.")
    clearance: DataClass = Field("internal", description="The highest data class of bases that it may hold.")
    search_s: float = Field(2.0, gt=0, description="Seconds for a search; then PostgreSQL looks itself.")
    write_s: float = Field(30.0, gt=0, description="Seconds for any other request.")
    options: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="What only stores of this kind know.", repr=False
    )


def require(base: str, store: str, data_class: DataClass, declared: Mapping[str, StoreSettings]) -> None:
    """Raise `WorkspaceInvalid` for a base whose store has no table, or may not hold what the base holds."""
    if not store:
        return
    if store not in declared:
        raise WorkspaceInvalid(
            f"knowledge.{base}.store: expected a table of [stores]; found {store!r}",
            hint=did_you_mean(store, declared) or f"add [stores.{store}]",
        )
    if rank(data_class) > rank(declared[store].clearance):
        raise WorkspaceInvalid(
            f"knowledge.{base}.store: expected a store for {data_class} texts; {store!r} may hold no more than"
            f" {declared[store].clearance} ones",
            hint=f'where it may: stores.{store}.clearance = "{data_class}"',
        )
