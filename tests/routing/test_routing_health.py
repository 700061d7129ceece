"""A model that keeps failing is left alone, and comes back by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from routed import Clock

from steadyhand.errors import (
    ProviderError,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from steadyhand.routing.health import Health
from steadyhand.routing.retry_budget import RetryBudget
from steadyhand.types.ids import ModelId

MODEL = ModelId("acme:large")
DOWN = ProviderUnavailable("connection refused")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(clock)


def fail(health: Health, times: int = 1, error: ProviderError = DOWN) -> None:
    for _ in range(times):
        health.begin(MODEL)
        health.failed(MODEL, error)


@pytest.mark.parametrize("error", [DOWN, ProviderTimeout("late"), ProviderProtocol("no JSON")])
def test_three_failures_in_a_row_open_the_circuit(health: Health, error: ProviderError) -> None:
    fail(health, 2, error)
    assert health.may_call(MODEL)
    fail(health, 1, error)
    assert (health.may_call(MODEL), health.state(MODEL)) == (False, "open")
    assert health.reason(MODEL) == "acme:large keeps failing and is asked again in 5.0 s"


def test_half_of_the_last_calls_failing_opens_it_but_not_when_that_was_long_ago(clock: Clock) -> None:
    for pause_s, expected in ((1.0, "open"), (10.0, "closed")):
        health = Health(clock)
        for _ in range(10):
            health.succeeded(MODEL, None)
            fail(health)
            clock.now += pause_s
        fail(health)
        assert health.state(MODEL) == expected


def test_a_refusal_says_nothing_about_health(health: Health) -> None:
    fail(health, 50, ProviderRefused("no such model", vendor_status=404))
    assert (health.may_call(MODEL), health.state(MODEL), health.reason(MODEL)) == (True, "closed", "")


def test_one_probe_goes_at_a_time_and_its_success_closes_the_circuit(health: Health, clock: Clock) -> None:
    fail(health, 3)
    clock.now += 5
    assert (health.state(MODEL), health.may_call(MODEL)) == ("half-open", True)
    health.begin(MODEL)
    assert not health.may_call(MODEL)
    health.succeeded(MODEL, 0.2)
    assert (health.may_call(MODEL), health.state(MODEL)) == (True, "closed")


def test_a_probe_that_fails_doubles_the_time_up_to_a_minute(health: Health, clock: Clock) -> None:
    fail(health, 3)
    for open_s in (5, 10, 20, 40, 60, 60):
        clock.now += open_s - 0.01
        assert not health.may_call(MODEL)
        clock.now += 0.01
        assert health.may_call(MODEL)
        fail(health)


def test_a_probe_that_was_broken_off_or_lost_lets_the_next_one_go(health: Health, clock: Clock) -> None:
    fail(health, 3)
    clock.now += 5
    health.begin(MODEL)
    health.abandoned(MODEL)
    assert health.may_call(MODEL)
    health.begin(MODEL)
    assert not health.may_call(MODEL)
    clock.now += 60
    assert health.may_call(MODEL)


def test_calls_from_before_the_opening_neither_close_it_nor_keep_it_open(health: Health, clock: Clock) -> None:
    fail(health, 3)
    health.succeeded(MODEL, 0.1)
    assert not health.may_call(MODEL)
    fail(health, 9)
    clock.now += 5
    assert health.may_call(MODEL)


def test_a_provider_that_asks_to_slow_down_is_left_alone_for_as_long_as_it_says(
    health: Health, clock: Clock
) -> None:
    fail(health, 5, ProviderRateLimited("slow down", retry_after_s=7))
    assert (health.may_call(MODEL), health.state(MODEL), health.pause_s(MODEL)) == (False, "closed", 7.0)
    assert health.reason(MODEL) == "acme:large asked to slow down for 7.0 s more"
    clock.now += 7
    assert (health.may_call(MODEL), health.pause_s(MODEL)) == (True, 0.0)


def test_the_time_to_the_first_token_is_a_moving_average(health: Health) -> None:
    assert health.latency_s(MODEL) is None
    health.succeeded(MODEL, 1.0)
    health.succeeded(MODEL, 2.0)
    health.succeeded(MODEL, None)
    assert health.latency_s(MODEL) == pytest.approx(1.2)


@given(st.lists(st.sampled_from(["failed", "slow", "refused", "answered", "wait"])))
def test_whatever_happened_a_model_may_be_asked_again_after_an_hour(events: list[str]) -> None:
    clock = Clock()
    health = Health(clock)
    errors = {"failed": DOWN, "slow": ProviderRateLimited("", retry_after_s=1e9), "refused": ProviderRefused("")}
    for event in events:
        if event == "wait":
            clock.now += 5
        elif health.may_call(MODEL):
            health.begin(MODEL)
            if event == "answered":
                health.succeeded(MODEL, 0.1)
            else:
                health.failed(MODEL, errors[event])
    clock.now += 3_600
    assert health.may_call(MODEL)


def test_retries_are_a_fifth_of_the_requests_of_ten_seconds_and_at_least_ten(clock: Clock) -> None:
    budget = RetryBudget(clock)
    budget.count()
    assert [budget.take() for _ in range(11)] == [True] * 10 + [False]
    for _ in range(99):
        budget.count()
    clock.now += 9
    assert [budget.take() for _ in range(11)] == [True] * 10 + [False]
    clock.now += 1
    assert not budget.take()  # the requests are too old now, and ten retries are recent
    clock.now += 9
    assert budget.take()


def test_names_that_callers_make_up_do_not_fill_the_memory_nor_drive_out_who_is_ill(health: Health) -> None:
    fail(health, 3)
    for number in range(10_000):
        health.succeeded(ModelId(f"local:{number}"), 0.1)
    assert health.state(MODEL) == "open"
    assert health.latency_s(ModelId("local:0")) is None
    assert health.latency_s(ModelId("local:9999")) == 0.1
    for number in range(10_000):
        for _ in range(3):
            health.failed(ModelId(f"local:{number}"), DOWN)
    assert health.state(ModelId("local:9999")) == "open"
    assert health.state(ModelId("local:0")) == "closed"
