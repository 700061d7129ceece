"""What is asked of a knowledge base."""

from dataclasses import dataclass

from steadyhand.types.condition import Condition
from steadyhand.types.run import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """What becomes of the best passages before they are given. As it stands, nothing: they come as they were found.

    `rerank` is a file of `knowledge/rerankers/`, its argument behind a colon: `onnx:FOLDER`. `max_tokens` bounds
    all passages together. With `expand`, passages grow to the section around them where there is room. `diversity`
    in [0, 1] is how much a passage loses by saying what a better one has said; 0 only leaves out what says the very
    same, and None leaves nothing out.
    """

    rerank: str = ""
    max_tokens: int | None = None
    expand: bool = False
    diversity: float | None = None


AS_FOUND = Finish()


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """The passages of `knowledge_base` that `principal` may see, the `top_k` best for any of the `queries`.

    The first query is the question itself, the others are other wordings of it. `as_of` is a revision of the base
    to search as it was then; None is now.
    """

    knowledge_base: str
    queries: tuple[str, ...]
    principal: Principal
    top_k: int = 8
    where: tuple[Condition, ...] = ()
    as_of: int | None = None
    finish: Finish = AS_FOUND
