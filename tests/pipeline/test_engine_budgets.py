"""What a run may cost is set aside before a model is asked, and settled however the run ends."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from house import CALLER, FEATURE, GOOD, PRICE, House
from steadyhand.errors import ProviderUnavailable
from steadyhand.pipeline.engine import Engine
from steadyhand.types.feature import Budget
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Price, Rates, Rule, Usage
from steadyhand.types.quota import Limit, Spending
from steadyhand.types.routing import Over, Routing, Shadow

DEAR, CHEAP, LOCAL = ModelId("cloud:large"), ModelId("cloud:small"), ModelId("local:extractive")
CENT_EACH = Usage(0, 5_000, 0)
FREE = Price(Rates(Decimal(0), Decimal(0), Decimal(0), Decimal(0)), "test")
BUDGET = Limit("feature:answers", "usd", Decimal(1))
FALLBACK = {"answer": "Later.", "found": False}


def house(*limits: Limit, usage: Usage = CENT_EACH, **prices: Price | None) -> House:
    replies = {name: [GOOD] for name in ("large", "small", "extractive")}
    return House(replies, limits=limits, usage=usage, prices=prices)


def scaled(factor: float) -> Price:
    return replace(PRICE, rates=replace(PRICE.rates, output=PRICE.rates.output * Decimal(str(factor))))


def held(opened: House) -> Decimal:
    return sum(opened.till.held.values(), Decimal(0))


async def test_runs_at_the_same_time_do_not_spend_more_than_the_day_has() -> None:
    opened = house(usage=Usage(200, 2_000, 0))
    budget = Budget(None, Decimal("0.05"))
    answers = await asyncio.gather(*(opened.ask(budget=budget) for _ in range(64)))
    spent = sum((answer.cost_usd or Decimal(0) for answer in answers), Decimal(0))
    assert 0 < spent <= Decimal("0.05")
    refused = [answer for answer in answers if answer.status == "refused"]
    assert {answer.error.code for answer in refused if answer.error} == {"budget.exceeded"}
    assert len(opened.requests) == 64 - len(refused)
    assert held(opened) == 0


async def test_what_a_run_used_travels_with_it_to_the_ledger() -> None:
    opened = house(Limit("key:a", "requests", Decimal(9)), Limit("key:a", "tokens", Decimal(9_999)))
    await opened.ask(budget=Budget(None, Decimal(1)))
    assert opened.runs[0].spendings == (
        Spending("key:a", "requests", 0, Decimal(1)),
        Spending("key:a", "tokens", 0, Decimal(5_000)),
        Spending("feature:answers", "usd", 0, Decimal("0.01")),
    )
    assert (opened.runs[0].admission, opened.runs[0].reservation) == (None, None)


async def test_too_many_requests_are_refused_before_anything_is_done_even_with_a_fallback() -> None:
    opened = house(Limit("key:a", "requests", Decimal(2)))
    answers = [await opened.ask(fallback=FALLBACK) for _ in range(3)]
    assert [answer.status for answer in answers] == ["answered", "answered", "refused"]
    assert answers[2].error is not None
    assert answers[2].error.code == "rate.limited"
    assert [step.name for step in opened.runs[2].steps] == ["admit"]


@pytest.mark.parametrize("reply", [ProviderUnavailable("down"), RuntimeError("broke"), 9.0, "no JSON"])
async def test_a_run_that_fails_holds_nothing_any_more(reply: str | float | Exception) -> None:
    opened = house(Limit("key:a", "requests", Decimal(9)), BUDGET)
    opened.replies["large"] = [reply]
    answer = await opened.ask(timeout_s=0.3)
    assert answer.status == "failed"
    assert held(opened) == 0
    assert Spending("key:a", "requests", 0, Decimal(1)) in opened.runs[0].spendings


async def test_a_run_that_is_broken_off_holds_nothing_any_more() -> None:
    opened = house(Limit("key:a", "requests", Decimal(9)), BUDGET)
    opened.replies["large"] = [9.0]
    asking = asyncio.create_task(opened.ask(timeout_s=60, model_timeout_s=60))
    while not opened.requests:
        await asyncio.sleep(0)
    assert held(opened) > 0
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert held(opened) == 0
    [run] = opened.runs
    assert run.spendings


@pytest.mark.parametrize(
    ("over", "status", "asked"), [("cheaper", "answered", "cloud:small"), ("fallback", "fallback", None), ("refuse", "refused", None)]
)  # fmt: skip
async def test_the_contract_says_what_happens_when_the_first_model_costs_more_than_is_left(
    over: Over, status: str, asked: str | None
) -> None:
    opened = house(BUDGET, small=scaled(0.1))
    opened.till.used["feature:answers", "usd"] = Decimal("0.995")
    budget = Budget(None, None, over)
    answer = await opened.ask(models=(DEAR, CHEAP), fallback=FALLBACK, budget=budget)
    assert (answer.status, answer.model) == (status, asked)
    if asked:
        assert "cloud:large may cost $0.008" in opened.runs[0].routing


async def test_a_dearer_model_behind_the_first_is_left_out_whatever_the_contract_says() -> None:
    opened = house(BUDGET, small=scaled(0.1))
    opened.till.used["feature:answers", "usd"] = Decimal("0.995")
    opened.replies["small"] = [ProviderUnavailable("down")]
    answer = await opened.ask(models=(CHEAP, DEAR), budget=Budget(None, None, "refuse"))
    assert answer.status == "failed"
    assert {call.model for call in opened.runs[0].calls} == {CHEAP}


async def test_what_costs_nothing_answers_when_the_money_is_spent() -> None:
    opened = house(BUDGET, extractive=FREE)
    opened.till.used["feature:answers", "usd"] = Decimal(1)
    assert (await opened.ask(models=(DEAR, LOCAL))).model == LOCAL
    settled = (Rule("true", {"answer": "By rule.", "found": True}),)
    assert (await opened.ask(rules=settled)).model == "local:rules"


async def test_a_model_without_a_price_does_not_serve_where_money_is_limited() -> None:
    opened = house(BUDGET, large=None)
    assert (await opened.ask(models=(DEAR, CHEAP))).model == CHEAP
    answer = await opened.ask()
    assert answer.error is not None
    assert (answer.status, answer.error.code) == ("failed", "model.none")
    assert (await house(large=None).ask()).status == "answered"


async def test_the_fallback_model_is_held_to_what_is_left() -> None:
    opened = house(BUDGET)
    opened.replies["large"] = [ProviderUnavailable("down")]
    assert (await opened.ask(fallback_model=CHEAP)).model == CHEAP
    assert held(opened) == 0
    opened.till.used["feature:answers", "usd"] = Decimal("0.999")
    answer = await opened.ask(fallback_model=CHEAP)
    assert answer.error is not None
    assert (answer.status, answer.error.code) == ("refused", "budget.exceeded")


async def test_a_shadow_is_paid_for_once_and_by_itself() -> None:
    opened = house(Limit("key:a", "requests", Decimal(9)), BUDGET)
    engine = Engine(opened.ports())
    feature = replace(FEATURE, routing=Routing(shadow=Shadow(CHEAP, 100)))
    await engine.run(feature, {"question": "How much?"}, principal=CALLER, door="python")
    await engine.close()
    answer, shadow = opened.runs
    assert [one.amount for one in answer.spendings] == [1, Decimal("0.01")]
    assert shadow.spendings == (Spending("feature:answers", "usd", 0, Decimal("0.01")),)
    assert held(opened) == 0
