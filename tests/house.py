"""A feature and ports for tests of the path: real steps and checks, models that do as they are told."""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from steadyhand.errors import BudgetExceeded, ProviderError, RateLimited
from steadyhand.pipeline.engine import Engine
from steadyhand.pipeline.memory import Memory
from steadyhand.pipeline.ports import Ports
from steadyhand.routing.conditions import Conditions
from steadyhand.types.feature import Budget, Feature, Knowledge, Review
from steadyhand.types.ids import FeatureName, ModelId
from steadyhand.types.model import Completion, CompletionRequest, Model, Price, Provider, Rates, Usage
from steadyhand.types.passage import Passage, Retrieval
from steadyhand.types.ports import Ask
from steadyhand.types.quota import Limit, Spending
from steadyhand.types.run import Answer, Principal, Run
from steadyhand.types.search import SearchRequest

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
MILLIONS = Usage(1_000_000, 1_000_000, 0)
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
class Till:
    """Limits without a window. `used` and `held` are amounts by scope and unit."""

    used: Counter[tuple[str, str]] = field(default_factory=Counter)
    held: Counter[tuple[str, str]] = field(default_factory=Counter)

    async def __call__(self, limits: tuple[Limit, ...], *, usd: Decimal, tokens: int) -> "Tray":
        wanted = {"usd": usd, "tokens": Decimal(tokens), "requests": Decimal(1)}
        for limit in limits:
            place, amount = (limit.scope, limit.unit), wanted[limit.unit]
            if amount and self.used[place] + self.held[place] + amount > limit.most:
                refusal = BudgetExceeded if limit.unit == "usd" else RateLimited
                raise refusal(f"{limit.scope} has no {amount} {limit.unit} left")
        tray = Tray(self, {(limit.scope, limit.unit): wanted[limit.unit] for limit in limits})
        self.held.update(tray.amounts)
        return tray


@dataclass
class Tray:
    till: Till
    amounts: dict[tuple[str, Any], Decimal]

    def settle(self, *, usd: Decimal, tokens: int) -> tuple[Spending, ...]:
        used = {"usd": usd, "tokens": Decimal(tokens), "requests": Decimal(1)}
        spent = tuple(Spending(scope, unit, 0, used[unit]) for scope, unit in self.amounts)
        self.till.used.update({(one.scope, one.unit): one.amount for one in spent})
        self.release()
        return spent

    def release(self) -> None:
        self.till.held.subtract(self.amounts)
        self.amounts = {}


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
    prices: dict[str, Price | None] = field(default_factory=dict)  # of models whose price is not PRICE
    usage: Usage = MILLIONS
    requests: list[CompletionRequest] = field(default_factory=list)
    routing: Conditions = field(default_factory=Conditions)
    memory: Memory | None = None
    gone: frozenset[int] = frozenset()  # versions that nobody may see any more

    async def ask(self, values: dict[str, Any] | None = None, **changes: Any) -> Answer:
        feature = replace(self.feature, **changes)
        engine = Engine(self.ports())
        asked = {"question": "How much?"} if values is None else values
        return await engine.run(feature, asked, principal=CALLER, door="python")

    def ports(self) -> Ports:
        return Ports(
            complete=self._complete,
            search=self._search,
            still_visible=self._still_visible,
            find_model=self._find,
            class_of=lambda base: "internal",
            spent_today=self._spent,
            record=self._record,
            limits_of=lambda principal, end_user: self.limits,
            reserve=self.till,
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
        return Completion(text=reply, usage=self.usage, confidence=0.9)

    async def _search(self, request: SearchRequest, ask: Ask | None = None) -> Retrieval:
        return self.search()

    async def _still_visible(self, versions: Collection[int], principal: Principal) -> frozenset[int]:
        return frozenset(versions) - self.gone

    async def _spent(self, feature: str) -> Decimal:
        return self.spent_usd

    async def _record(self, run: Run) -> None:
        self.runs.append(run)

    def _find(self, model: ModelId) -> Model | None:
        provider, _, name = model.partition(":")
        place = {"local": LOCAL, "cloud": CLOUD}[provider]
        return Model(id=model, provider=place, name=name, price=self.prices.get(name, PRICE), context_tokens=None)
