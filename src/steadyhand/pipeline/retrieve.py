"""Step: what do the company's documents say about it?"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

from steadyhand.knowledge.care.contradictions import contradictions
from steadyhand.language.detect import UNKNOWN, language_of
from steadyhand.pipeline.aside import Aside
from steadyhand.pipeline.ports import Ports
from steadyhand.pipeline.rewrite import queries
from steadyhand.pipeline.unknown import not_found
from steadyhand.prompts.render import conditions, query
from steadyhand.types.passage import Contradiction, Passage, Retrieval
from steadyhand.types.run import Continue, Run, StepResult
from steadyhand.types.search import Finish, SearchRequest
from steadyhand.types.text import highest


async def retrieve(run: Run, ports: Ports) -> StepResult:
    """Find the passages; the run becomes at least as confidential as the knowledge base it read.

    Where they hardly touch the question, and the output can say so, the run's output is that nothing was found.
    """
    knowledge = run.feature.knowledge
    if knowledge is None or run.output is not None:
        return Continue(run)
    aside = Aside(run, ports)
    asked = await queries(run, query(run.feature, run.input), aside)
    request = SearchRequest(
        knowledge_base=knowledge.base,
        queries=asked,
        principal=run.principal,
        top_k=knowledge.top_k,
        where=conditions(run.feature, run.input),
        finish=Finish(
            rerank=knowledge.rerank,
            max_tokens=knowledge.max_tokens,
            expand=knowledge.expand,
            diversity=knowledge.diversity,
        ),
    )
    found = await ports.search(request, aside)
    found = replace(found, contradictions=await asyncio.to_thread(_contradictions, found.passages))
    classes = [passage.data_class for passage in found.passages]
    data_class = highest(run.data_class, ports.class_of(knowledge.base), *classes)
    read = replace(aside.run, query=asked[0], retrieval=found, data_class=data_class, searches=run.searches + 1)
    ended, why = await not_found(read, asked)
    return Continue(ended, "; ".join(filter(None, (*_wordings(asked), *aside.notes, *_disagreeing(found), why))))


def _contradictions(passages: Sequence[Passage]) -> tuple[Contradiction, ...]:
    """Between passages of different documents."""
    language = language_of(" ".join(passage.text[:1_000] for passage in passages[:3]))
    return contradictions(passages, "en" if language == UNKNOWN else language)


def _disagreeing(found: Retrieval) -> Iterator[str]:
    for each in found.contradictions:
        yield f"sources disagree about {each.about}: {', '.join(said.source for said in each.statements)}"


def _wordings(asked: tuple[str, ...]) -> Iterator[str]:
    if len(asked) > 1:
        yield f"searched for {' | '.join(asked)}"
