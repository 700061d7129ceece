"""What documents are searched for: the question, and where the contract asks for it a model's wordings of it."""

from steadyhand.pipeline.aside import Aside
from steadyhand.prompts import wordings
from steadyhand.types.json import Json
from steadyhand.types.run import Run

HISTORY = "history"
"""The input field that holds the conversation before the question."""


async def queries(run: Run, question: str, aside: Aside) -> tuple[str, ...]:
    """At most `knowledge.queries` of them, the question itself first.

    After a conversation the first is the question as it is meant, understood on its own; what was typed follows.
    When no model can be asked it is the question alone.
    """
    knowledge = run.feature.knowledge
    if knowledge is None or knowledge.queries < 2 or not question:
        return (question,)
    history = run.input.get(HISTORY) or None
    wanted = knowledge.queries - 1
    told = wordings.messages(question, history, wanted, run.data_class)
    said = await aside(told, wordings.schema(wanted), "questions")
    others = _texts(said.get("questions")) if said else []
    ordered = (question, *others) if history is None else (*others[:1], question, *others[1:])
    return tuple(dict.fromkeys(ordered))[: knowledge.queries]


def _texts(said: Json) -> list[str]:
    texts = said if isinstance(said, list) else []
    return [text.strip() for text in texts if isinstance(text, str) and text.strip()]
