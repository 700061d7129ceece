"""Gold questions of a knowledge base, and how a search fares with them.

One JSON object per line in `gold/<base>.jsonl` of the workspace:

    {"question": "What may a hotel cost?", "sources": ["travel.pdf#page=3"], "quote": "at most 140 EUR"}

`sources` are paths inside the base that hold the answer, each with a page where it matters; `quote` is the text
that should be among the passages; `filter` is what a search is narrowed by, such as {"year": 2026}.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import fmean

from steadyhand.errors import InvalidInput, UsageError
from steadyhand.hints import excerpt
from steadyhand.knowledge import bases
from steadyhand.knowledge.index import filters
from steadyhand.scorers import ndcg, recall, reciprocal_rank, span_recall
from steadyhand.storage import Database, jsonb
from steadyhand.types.condition import Condition
from steadyhand.types.json import Json
from steadyhand.types.passage import Passage, Retrieval
from steadyhand.types.run import Principal
from steadyhand.types.search import SearchRequest

FOLDER = "gold"
TOP = 10
"""Passages of each search that are looked at."""

_KEPT = 20  # scores that are shown
_KEYS = ("question", "sources", "quote", "filter")
_PAGE = re.compile(r"(?P<source>.+)#page=(?P<page>[1-9]\d{0,6})")
_BYTES_MOST = 32 * 2**20

Find = Callable[[SearchRequest], Awaitable[Retrieval]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where an answer stands: a document, or one of its pages."""

    source: str
    page: int | None = None

    def __str__(self) -> str:
        return self.source if self.page is None else f"{self.source}#page={self.page}"

    def holds(self, passage: Passage) -> bool:
        return passage.source == self.source and self.page in (None, passage.page)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldQuestion:
    question: str
    targets: tuple[Target, ...]
    quote: str = ""
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fared:
    """How one question fared. `rank` counts passages from 1; None: none of the first ten was right.

    `span_recall` is None for a question without a quote.
    """

    question: str
    rank: int | None
    ndcg: float
    recall: float
    span_recall: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Means over the questions, each in [0, 1], of the first ten passages. `span_recall` None: no quotes."""

    ndcg: float
    recall: float
    mrr: float
    span_recall: float | None
    fared: tuple[Fared, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Scores as they were kept; `revision` is the base's at that time."""

    embedder: str
    revision: int
    questions: int
    ndcg: float
    recall: float
    mrr: float
    span_recall: float | None
    at: datetime


def read(root: Path, base: str) -> tuple[GoldQuestion, ...]:
    """The gold questions of a base; none when there is no file. Raises `InvalidInput` with every faulty line."""
    path = root / FOLDER / f"{base}.jsonl"
    if not path.is_file():
        return ()
    if path.stat().st_size > _BYTES_MOST:
        raise InvalidInput(f"{path}: expected at most {_BYTES_MOST} bytes", hint="keep a sample of the questions")
    found, faults = [], []
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            try:
                found.append(_question(line))
            except UsageError as error:
                faults.append(f"{path}:{number}: {error}")
    if faults:
        raise InvalidInput(
            "\n".join(faults), hint='a line is {"question": "…", "sources": ["file.pdf#page=3"], "quote": "…"}'
        )
    return tuple(found)


async def evaluate(find: Find, base: str, questions: Sequence[GoldQuestion], principal: Principal) -> Scores:
    """Ask every question and see where its answer comes. Raises `InvalidInput` without questions."""
    if not questions:
        raise InvalidInput(
            f"expected gold questions of {base!r}; found none", hint=f"write {FOLDER}/{base}.jsonl in the workspace"
        )
    fared = [await _fared(find, base, question, principal) for question in questions]
    spans = [each.span_recall for each in fared if each.span_recall is not None]
    return Scores(
        ndcg=fmean(each.ndcg for each in fared),
        recall=fmean(each.recall for each in fared),
        mrr=fmean(1 / each.rank if each.rank else 0.0 for each in fared),
        span_recall=fmean(spans) if spans else None,
        fared=tuple(fared),
    )


async def keep(database: Database, base: str, embedder: str, scores: Scores) -> None:
    """Note how the gold questions fared with the vectors of this embedder. Raises `NotFound`."""
    ranks = [{"question": each.question, "rank": each.rank} for each in scores.fared]
    kept = await database.execute(
        "INSERT INTO gold_score (base_id, embedder, revision, questions, ndcg, recall, mrr, span_recall, ranks)"
        " SELECT id, %s, revision, %s, %s, %s, %s, %s, %s FROM knowledge_base WHERE name = %s",
        [embedder, len(ranks), scores.ndcg, scores.recall, scores.mrr, scores.span_recall, jsonb(ranks), base],
    )
    if not kept:
        raise bases.unknown(base)


async def history(database: Database, base: str) -> list[Past]:
    """How the gold questions of a base fared the last 20 times, the newest first."""
    rows = await database.rows(
        "SELECT s.embedder, s.revision, s.questions, s.ndcg, s.recall, s.mrr, s.span_recall, s.at FROM gold_score s"
        " JOIN knowledge_base b ON b.id = s.base_id WHERE b.name = %s ORDER BY s.id DESC LIMIT %s",
        [base, _KEPT],
    )
    return [Past(**row) for row in rows]


async def _fared(find: Find, base: str, asked: GoldQuestion, principal: Principal) -> Fared:
    request = SearchRequest(
        knowledge_base=base, queries=(asked.question,), principal=principal, top_k=TOP, where=asked.where
    )
    passages = (await find(request)).passages
    ranked = [_right(passage, asked.targets) for passage in passages]
    wanted = {str(target) for target in asked.targets}
    first = reciprocal_rank.score(ranked, wanted, TOP)
    texts = [passage.text for passage, target in zip(passages, ranked, strict=True) if target]
    return Fared(
        question=asked.question,
        rank=round(1 / first) if first else None,
        ndcg=ndcg.score(ranked, dict.fromkeys(wanted, 1.0), TOP),
        recall=recall.score(ranked, wanted, TOP),
        span_recall=span_recall.score(asked.quote, texts) if asked.quote else None,
    )


def _right(passage: Passage, targets: Sequence[Target]) -> str:
    """The target that the passage belongs to, "" when it is none's."""
    return next((str(target) for target in targets if target.holds(passage)), "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path}: expected UTF-8; found other bytes", hint="save the file as UTF-8") from None


def _question(line: str) -> GoldQuestion:
    """Raises `InvalidInput`."""
    try:
        found: Json = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"expected a JSON object; {excerpt(str(error))}") from None
    if not isinstance(found, dict):
        raise InvalidInput(f"expected a JSON object; found {excerpt(line.strip())}")
    unknown = sorted(found.keys() - set(_KEYS))
    if unknown:
        raise InvalidInput(f"expected the keys {', '.join(_KEYS)}; found {', '.join(map(repr, unknown))}")
    question, quote, where = found.get("question"), found.get("quote", ""), found.get("filter", {})
    if not isinstance(question, str) or not question.strip():
        raise InvalidInput(f"question: expected a text; found {excerpt(repr(question))}")
    if not isinstance(quote, str):
        raise InvalidInput(f"quote: expected a text; found {excerpt(repr(quote))}")
    if not isinstance(where, dict):
        raise InvalidInput(f"filter: expected a table of conditions; found {excerpt(repr(where))}")
    targets = tuple(_targets(found.get("sources")))
    return GoldQuestion(question=question, targets=targets, quote=quote, where=filters.parse(where))


def _targets(sources: Json) -> Iterator[Target]:
    if not isinstance(sources, list) or not sources:
        raise InvalidInput(f"sources: expected a list of paths; found {excerpt(repr(sources))}")
    for source in sources:
        if not isinstance(source, str) or not source:
            raise InvalidInput(f"sources: expected paths such as travel.pdf#page=3; found {excerpt(repr(source))}")
        page = _PAGE.fullmatch(source)
        yield Target(page["source"], int(page["page"])) if page else Target(source)
