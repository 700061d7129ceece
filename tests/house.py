"""A feature and ports for tests of the path: real steps and checks, models that do as they are told."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from steadyhand.errors import ProviderError
from steadyhand.pipeline.engine import Engine
from steadyhand.pipeline.memory import Memory
from steadyhand.pipeline.ports import Ports
from steadyhand.routing.conditions import Conditions
from steadyhand.types.feature import Budget, Feature, Knowledge, Review
from steadyhand.types.ids import FeatureName, ModelId
from steadyhand.types.model import Completion, CompletionRequest, Model, Price, Provider, Rates, Usage
from steadyhand.types.passage import Passage, Retrieval
from steadyhand.types.run import Answer, Principal, Run

CALLER = Principal("tester", "caller")
LOCAL = Provider(name="local", dialect="local", base_url="", key_variable="", place="local", clearance="restricted")
CLOUD = Provider(
    name="cloud", dialect="openai", base_url="http://x", key_variable="X", place="us", clearance="internal"
)
PRICE = Price(Rates(Decimal(1), Decimal(2), Decimal("0.5"), Decimal("1.25")), "test")

FEATURE = Feature(
    name=FeatureName("answers"),
    version="v1",
    purpose="Answers.",
    owner="test",
    risk="minimal",
    data_class="internal",
    input_schema={
        "type": "object",
        "properties": {"question": {"type": "string"}},
        "required": ["question"],
        "additionalProperties": False,
    },
    output_schema={
        "type": "object",
        "properties": {"answer": {"type": "string"}, "found": {"type": "boolean"}},
        "required": ["answer", "found"],
        "additionalProperties": False,
    },
    text_field="answer",
    prompt="Answer {{ input.question }} from {{ passages }}.",
    models=(ModelId("cloud:large"),),
    fallback_model=None,
    timeout_s=2,
    model_timeout_s=1,
    knowledge=Knowledge("policies", "{{ input.question }}", 3, True),
    input_guardrails=("pii", "injection", "secrets"),
    output_guardrails=(),
    checks=(),
    attempts=1,
    review=Review("", 60),
    fallback=None,
    budget=Budget(None, None),
    value=None,
    gate={},
    rules=(),
    examples=(),
)

TEXT = "Hotels cost at most 120 EUR a night. When the hotel is full, the limit may be exceeded by 20 %."
PASSAGE = Passage(
    chunk_id=1,
    version_id=1,
    knowledge_base="policies",
    source="travel.pdf",
    title="Travel",
    section="",
    page=3,
    start=100,
    end=100 + len(TEXT),
    text=TEXT,
    data_class="internal",
    score=1.0,
    bm25=2.0,
    similarity=0.7,
)
GOOD = json.dumps(
    {
        "answer": "The limit may be exceeded by 20 %.",
        "found": True,
        "citations": [{"passage": 1, "quote": "the limit may be exceeded by 20 %"}],
    }
)

Reply = str | ProviderError | float | Exception
"""What a model does: answers this text, raises this error, or is silent for so many seconds."""


@dataclass
class House:
    """`replies` by model name are given one after the other, the last one for ever."""

    replies: dict[str, list[Reply]] = field(default_factory=dict)
    feature: Feature = FEATURE
    spent_usd: Decimal = Decimal(0)
    search: Callable[[], Retrieval] = lambda: Retrieval((PASSAGE,), "policies@1")
    runs: list[Run] = field(default_factory=list)
    limits: tuple[Limit, ...] = ()
    till: Till = field(default_factory=Till)
    requests: list[CompletionRequest] = field(default_factory=list)
    routing: Conditions = field(default_factory=Conditions)
    memory: Memory | None = None

    async def ask(self, values: dict[str, Any] | None = None, **changes: Any) -> Answer:
        feature = replace(self.feature, **changes)
        engine = Engine(self.ports())
        asked = {"question": "How much?"} if values is None else values
        return await engine.run(feature, asked, principal=CALLER, door="python")

    def ports(self) -> Ports:
        return Ports(
            complete=self._complete,
            search=self._search,
            find_model=_find,
            class_of=lambda base: "internal",
            spent_today=self._spent,
            record=self._record,
            limits_of=lambda principal, end_user: self.limits,
            reserve=self._reserve,
            monotonic=time.monotonic,
            now=lambda: datetime.now(UTC),
            randomness=os.urandom,
            routing=self.routing,
            memory=self.memory,
        )

    async def _complete(self, model: Model, request: CompletionRequest) -> Completion:
        self.requests.append(request)
        replies = self.replies[model.name]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, float):
            await asyncio.sleep(reply)
            return Completion(text=GOOD)
        return Completion(text=reply, usage=Usage(1_000_000, 1_000_000, 0), confidence=0.9)

    async def _search(self, base: str, query: str, *, principal: Principal, top_k: int) -> Retrieval:
        return self.search()

    async def _spent(self, feature: str) -> Decimal:
        return self.spent_usd

    async def _record(self, run: Run) -> None:
        self.runs.append(run)


def _find(model: ModelId) -> Model | None:
    provider, _, name = model.partition(":")
    place = {"local": LOCAL, "cloud": CLOUD}[provider]
    return Model(id=model, provider=place, name=name, price=PRICE, context_tokens=None)
