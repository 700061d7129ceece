"""Step: what do the company's documents say about it?"""

from dataclasses import replace

from steadyhand.pipeline.ports import Ports
from steadyhand.prompts.render import query
from steadyhand.types.run import Continue, Run, StepResult
from steadyhand.types.search import SearchRequest
from steadyhand.types.text import highest


async def retrieve(run: Run, ports: Ports) -> StepResult:
    """Find the passages; the run becomes at least as confidential as the knowledge base it read."""
    knowledge = run.feature.knowledge
    if knowledge is None or run.output is not None:
        return Continue(run)
    asked = query(run.feature, run.input)
    request = SearchRequest(
        knowledge_base=knowledge.base, queries=(asked,), principal=run.principal, top_k=knowledge.top_k
    )
    found = await ports.search(request)
    classes = [passage.data_class for passage in found.passages]
    data_class = highest(run.data_class, ports.class_of(knowledge.base), *classes)
    return Continue(replace(run, query=asked, retrieval=found, data_class=data_class))
