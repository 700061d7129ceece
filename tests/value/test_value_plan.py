"""Cost plans: the figures of the scenarios that people ask for, recomputed from their assumptions."""

import itertools
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.types.model import Price, Rates, Tier, Usage
from steadyhand.value.plan import (
    Build,
    Hosting,
    Training,
    Workload,
    conversation,
    estimates,
    month_usd,
    output_tokens_for,
)

REFERENCE = Path(__file__).parents[3] / "shared/bench/ledger/reference_values.json"


def price(input_usd: str, output_usd: str) -> Price:
    rate = Decimal(input_usd)
    return Price(Rates(rate, Decimal(output_usd), rate / 10, rate), "a list of 2025")


GPT_4O, MINI, SONNET = price("2.50", "10"), price("0.15", "0.60"), price("3", "15")
LOW, HIGH = price("0.20", "0.20"), price("1", "1")


def work(units: int, *calls: Usage, **more: Any) -> Workload:
    return Workload(name="work", unit="call", units=units, calls=calls, **more)


def questions(output: int = 400, cached: int = 0) -> Workload:
    return work(50_000, Usage(4_000, output, cached))


def chat(turns: int) -> Workload:
    return work(15_000, *conversation(turns, system=500, passages=1_500, user=50, answer=150))


DOCUMENTS = work(1_000, Usage(50 * 500, 1_500), saved_minutes=Decimal(30 - 5))
TWO_GPUS = Hosting(name="two", gpus=2, gpu_hour_usd=Decimal(2), hours=Decimal(730), question=Usage(4_000, 400))
ONE_GPU = Hosting(name="one", gpus=1, gpu_hour_usd=Decimal(2), hours=Decimal(730), question=Usage(4_000, 400))


def build(build_usd: int, saves: int, runs: int, within: tuple[int, int] | None = None) -> Build:
    made = {"build_usd": Decimal(build_usd), "saves_usd": Decimal(saves), "runs_usd": Decimal(runs)}
    return Build(name="build", within=within, **made)


def tokens_for(workload: Workload, at: Price, usd: int) -> int:
    found = output_tokens_for(workload, at, Decimal(usd))
    assert found is not None
    return round(found)


def questions_from(hosting: Hosting, at: Price) -> int:
    found = hosting.break_even(at)
    assert found is not None
    return round(found)


FIGURES: dict[str, tuple[Any, Any]] = {  # by name: what is known to be right, and what we compute
    "rag50k.gpt-4o.out400": (700.0, month_usd(questions(), GPT_4O)),
    "rag50k.gpt-4o-mini.out400": (42.0, month_usd(questions(), MINI)),
    "rag50k.claude-sonnet-4.5.out400": (900.0, month_usd(questions(), SONNET)),
    "rag50k.open-weight-low.out400": (44.0, month_usd(questions(), LOW)),
    "rag50k.open-weight-high.out400": (220.0, month_usd(questions(), HIGH)),
    "rag50k.gpt-4o-mini.input_only": (30.0, month_usd(questions(0), MINI)),
    "rag50k.gpt-4o.input_only": (500.0, month_usd(questions(0), GPT_4O)),
    "rag50k.mini.out_range_for_$40_80": ([333, 1667], [tokens_for(questions(), MINI, usd) for usd in (40, 80)]),
    "rag50k.4o.out_for_$800": (600, tokens_for(questions(), GPT_4O, 800)),
    "rag50k.mini_at_334_600": ([40.02, 48.0], [month_usd(questions(out), MINI) for out in (334, 600)]),
    "rag50k.4o_at_334_600": ([667.0, 800.0], [month_usd(questions(out), GPT_4O) for out in (334, 600)]),
    "rag50k.sonnet.out400.75pct_cached": (495.0, month_usd(questions(cached=3_000), SONNET)),
    "chat500x10.turns5.llm_calls_month": (75_000, chat(5).calls_a_month),
    "chat500x10.turns5.gpt-4o-mini": (34.31, month_usd(chat(5), MINI)),
    "chat500x10.turns5.gpt-4o": (571.88, month_usd(chat(5), GPT_4O)),
    "chat500x10.turns5.claude-sonnet-4.5": (720.0, month_usd(chat(5), SONNET)),
    "chat500x10.turns10.llm_calls_month": (150_000, chat(10).calls_a_month),
    "chat500x10.turns10.gpt-4o-mini": (79.88, month_usd(chat(10), MINI)),
    "chat500x10.turns10.gpt-4o": (1331.25, month_usd(chat(10), GPT_4O)),
    "chat500x10.turns10.claude-sonnet-4.5": (1665.0, month_usd(chat(10), SONNET)),
    "chat500x10.turns5.seed002_gpt4_price_range": (
        [1087.5, 3262.5],
        [month_usd(chat(5), price(*rates)) for rates in (("5", "15"), ("15", "45"))],
    ),
    "chat500x10.turns5.tokens_per_conv": (
        [12_250, 750],
        [chat(5).usage.input_tokens / 15_000, chat(5).usage.output_tokens / 15_000],
    ),
    "chat500x10.turns10.tokens_per_conv": (
        [29_500, 1_500],
        [chat(10).usage.input_tokens / 15_000, chat(10).usage.output_tokens / 15_000],
    ),
    "breakeven.build50000.agents2.5x3000.run1500": (9, build(50_000, 7_500, 1_500).months),
    "breakeven.build_range_for_6_to_12_months_at_6000_net": (
        [30_001, 72_000],
        list(build(50_000, 7_500, 1_500, (6, 12)).affordable or ()),
    ),
    "breakeven.never": (None, build(50_000, 1_500, 1_500).months),
    "docs1000.gpt-4o-mini": (4.65, month_usd(DOCUMENTS, MINI)),
    "docs1000.gpt-4o": (77.5, month_usd(DOCUMENTS, GPT_4O)),
    "docs1000.claude-sonnet-4.5": (97.5, month_usd(DOCUMENTS, SONNET)),
    "docs1000.hours_saved.baseline30_review5": (416.7, round(DOCUMENTS.saved_hours, 1)),
    "onprem70b.1xA100_4bit_month": (1460, ONE_GPU.usd),
    "onprem70b.2xA100_fp16_month": (2920, TWO_GPUS.usd),
    "onprem70b.breakeven_queries_vs_gpt-4o(4k/400)": (208_571, questions_from(TWO_GPUS, GPT_4O)),
    "onprem70b.breakeven_queries_vs_gpt-4o-mini(4k/400)": (3_476_190, questions_from(TWO_GPUS, MINI)),
    "onprem70b.tokens_per_s_implied_by_$0.20_and_$1.00_per_M": (
        [5556, 1111],
        [round(TWO_GPUS.tokens_per_s(Decimal(usd))) for usd in ("0.20", "1.00")],
    ),
    "triage.api_cost.gpt-4o-mini.600in.100out": (1.5, month_usd(work(10_000, Usage(600, 100)), MINI)),
    "finetune.1000ex.500tok.3epochs.$0.008per1k": (
        12.0,
        Training(name="tune", examples=1_000, example_tokens=500, epochs=3, mtok_usd=Decimal(8)).usd,
    ),
}


def matches(computed: Any, expected: Any) -> bool:
    """Equal to the cent, a half cent rounded either way."""
    if isinstance(expected, list):
        return len(computed) == len(expected) and all(map(matches, computed, expected))
    return computed is None if expected is None else abs(float(computed) - expected) <= 0.0051


@pytest.mark.parametrize("name", FIGURES)
def test_a_scenario_costs_what_its_assumptions_say(name: str) -> None:
    expected, computed = FIGURES[name]
    assert matches(computed, expected), (computed, expected)


def test_the_scenarios_are_those_of_the_reference() -> None:
    if not REFERENCE.is_file():
        pytest.skip("the reference values are not on this machine")
    reference = json.loads(REFERENCE.read_text())
    topics = ("rag50k.", "chat500x10.", "docs1000.", "onprem70b.", "breakeven.", "finetune.", "triage.api")
    derived = {"rag50k.joint_out_tokens_satisfying_both_ranges"}  # the tokens of two rows of FIGURES, intersected
    asked = {name: value for name, value in reference.items() if name.startswith(topics) and name not in derived}
    assert {name: expected for name, (expected, _) in FIGURES.items()} == asked


def test_answers_that_keep_two_budgets_are_those_of_both() -> None:
    ranges = []
    for at, budget in ((MINI, (40, 80)), (GPT_4O, (600, 800))):
        month = work(50_000, Usage(4_000, 400), budget_usd=tuple(map(Decimal, budget)))
        [estimate] = estimates(month, {"model": at})
        assert estimate.answers is not None
        ranges.append(estimate.answers)
    assert (max(low for low, _ in ranges), min(high for _, high in ranges)) == (334, 600)


def test_a_price_that_is_not_known_is_not_counted_as_nothing() -> None:
    known, unknown = estimates(questions(), {"a": MINI, "b": None})
    assert (known.is_cheapest, unknown.is_cheapest) == (True, False)
    assert (unknown.usd, unknown.unit_usd, unknown.answers) == (None, None, None)


def test_a_model_without_a_price_per_token_is_not_the_cheapest() -> None:
    free = replace(MINI, rates=Rates(*[Decimal(0)] * 4))
    assert [each.is_cheapest for each in estimates(questions(), {"a": MINI, "b": free, "c": GPT_4O})] == [
        True,
        False,
        False,
    ]


def test_a_long_prompt_is_charged_by_its_tier_also_in_a_month() -> None:
    tiered = Price(MINI.rates, "test", (Tier(200_000, GPT_4O.rates),))
    assert month_usd(work(10, Usage(200_001, 0)), tiered) == month_usd(work(10, Usage(200_001, 0)), GPT_4O)
    assert month_usd(work(1_000, Usage(1_000, 0)), tiered) == month_usd(work(1_000, Usage(1_000, 0)), MINI)


def test_what_costs_nothing_is_never_beaten_by_hosting() -> None:
    assert TWO_GPUS.break_even(price("0", "0")) is None
    assert output_tokens_for(questions(), price("1", "0"), Decimal(500)) is None


@given(turns=st.integers(1, 40), sizes=st.tuples(*[st.integers(0, 5_000)] * 4))
def test_a_conversation_reads_all_that_was_said_before(turns: int, sizes: tuple[int, int, int, int]) -> None:
    system, passages, user, answer = sizes
    calls = conversation(turns, system=system, passages=passages, user=user, answer=answer)
    assert len(calls) == turns
    grown = [later.input_tokens - earlier.input_tokens for earlier, later in itertools.pairwise(calls)]
    assert set(grown) <= {user + answer}
    assert sum(call.output_tokens for call in calls) == turns * answer
    assert calls[0].input_tokens == system + passages + user


@given(net=st.integers(1, 50_000), first=st.integers(1, 24), more=st.integers(0, 24))
def test_what_a_build_may_cost_pays_for_itself_in_its_months(net: int, first: int, more: int) -> None:
    least, most = build(1, net, 0, (first, first + more)).affordable or (0, 0)
    assert build(least, net, 0).months == first
    assert build(most, net, 0).months == first + more
