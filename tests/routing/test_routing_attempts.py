"""Which model is asked next, when, and when it is enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from routed import ACME, OTHER, Process, model

from steadyhand.errors import (
    NoModel,
    ParameterRefused,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderUnavailable,
)
from steadyhand.routing.attempts import Attempts

DOWN = ProviderUnavailable("connection refused")
LARGE, SMALL, ELSEWHERE = model("large"), model("small"), model("large", OTHER)


@pytest.fixture
def process() -> Process:
    return Process()


def calls(attempts: Attempts, error: ProviderError) -> list[tuple[str, float]]:
    """Every attempt there is while all fail alike: the model and the wait before it."""
    made = []
    while (attempt := attempts.next()) is not None:
        made.append((attempt.model.id, round(attempt.wait_s, 6)))
        assert attempt.number == len(made)
        attempts.failed(attempt, error)
    return made


def test_a_failure_goes_to_the_next_model_at_once_and_back_only_when_none_is_left(process: Process) -> None:
    attempts = process.attempts(LARGE, ELSEWHERE)
    assert calls(attempts, DOWN) == [
        ("acme:large", 0.0),
        ("other:large", 0.0),
        ("acme:large", 0.3),  # 0.2 s, and half as much again at random
        ("other:large", 0.3),
    ]
    assert attempts.failure is DOWN


def test_a_dead_primary_costs_little_more_than_one_call_per_request(process: Process) -> None:
    made = 0
    for _ in range(200):
        attempts = process.attempts(LARGE, ELSEWHERE)
        while (attempt := attempts.next()) is not None:
            made += 1
            process.clock.now += 0.05
            if attempt.model is ELSEWHERE:
                attempts.succeeded(attempt, 0.05)
                break
            attempts.failed(attempt, DOWN)
    assert made <= 1.2 * 200


def test_a_model_whose_circuit_is_open_is_passed_over_and_said_to_be(process: Process) -> None:
    for _ in range(3):
        process.health.failed(LARGE.id, DOWN)
    assert calls(process.attempts(LARGE, SMALL), DOWN)[0] == ("acme:small", 0.0)
    alone = process.attempts(LARGE)
    assert alone.next() is None
    assert isinstance(alone.failure, NoModel)
    assert "acme:large keeps failing" in str(alone.failure)


def test_what_a_rate_limit_asks_for_is_waited_for_when_there_is_time(process: Process) -> None:
    limited = ProviderRateLimited("slow down", retry_after_s=3)
    assert calls(process.attempts(LARGE), limited) == [("acme:large", 0.0), ("acme:large", 3.1)]
    patient = process.attempts(LARGE).next()
    assert patient is not None
    assert patient.wait_s == pytest.approx(3.1)
    hurried = process.attempts(LARGE, time_s=2)
    assert hurried.next() is None
    assert "slow down" in str(hurried.failure)


def test_nothing_is_asked_after_the_deadline(process: Process) -> None:
    attempts = process.attempts(LARGE, SMALL, time_s=1)
    attempt = attempts.next()
    assert attempt is not None
    process.clock.now += 1
    attempts.failed(attempt, DOWN)
    assert attempts.next() is None


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_is_wrong_is_not_taken_to_others_unless_we_wrote_it(process: Process, status: int) -> None:
    wrong = ProviderRefused("bad request", vendor_status=status)
    assert calls(process.attempts(LARGE, ELSEWHERE), wrong) == [("acme:large", 0.0)]
    assert calls(process.attempts(LARGE, ELSEWHERE, is_ours=True), wrong) == [
        ("acme:large", 0.0),
        ("other:large", 0.0),
    ]


def test_a_parameter_that_one_model_refuses_is_taken_to_the_others(process: Process) -> None:
    refused = ParameterRefused("Unsupported parameter", vendor_status=400, parameter="temperature")
    assert calls(process.attempts(LARGE, ELSEWHERE), refused) == [("acme:large", 0.0), ("other:large", 0.0)]


@pytest.mark.parametrize(("status", "next_one"), [(401, "other:large"), (402, "other:large"), (404, "acme:small")])
def test_a_refused_key_rules_out_its_provider_and_a_refused_model_only_itself(
    process: Process, status: int, next_one: str
) -> None:
    attempts = process.attempts(LARGE, SMALL, ELSEWHERE)
    made = calls(attempts, ProviderRefused("no", vendor_status=status))
    assert made[1] == (next_one, 0.0)
    assert len(made) == len(set(made))


def test_a_hedge_asks_a_model_that_was_not_asked_yet_and_never_the_same_again(process: Process) -> None:
    attempts = process.attempts(LARGE, SMALL)
    first, second = attempts.next(), attempts.hedge()
    assert first is not None
    assert second is not None
    assert (first.model, second.model) == (LARGE, SMALL)
    assert attempts.hedge() is None
    assert attempts.next() is None  # both are at work
    attempts.failed(first, DOWN)
    again = attempts.next()
    assert again is not None
    assert again.model is LARGE
    attempts.succeeded(second, 0.1)
    attempts.abandoned(again)
    assert process.health.latency_s(SMALL.id) == 0.1


@given(
    outcomes=st.lists(st.sampled_from(["down", "limited", "refused", "key", "wrong", "abandoned"]), max_size=40),
    count=st.integers(0, 4),
    is_ours=st.booleans(),
)
def test_a_request_always_comes_to_an_end_and_asks_each_model_at_most_twice(
    outcomes: list[str], count: int, is_ours: bool
) -> None:
    process = Process()
    errors: dict[str, ProviderError] = {
        "down": DOWN,
        "limited": ProviderRateLimited("slow down", retry_after_s=1),
        "refused": ProviderRefused("no", vendor_status=404),
        "key": ProviderRefused("no", vendor_status=401),
        "wrong": ProviderRefused("no", vendor_status=400),
    }
    models = [model(f"m{number}", OTHER if number % 2 else ACME) for number in range(count)]
    attempts = process.attempts(*models, is_ours=is_ours)
    asked: list[str] = []
    while (attempt := attempts.next()) is not None:
        process.clock.now += attempt.wait_s
        asked.append(attempt.model.id)
        outcome = outcomes.pop() if outcomes else "down"
        if outcome == "abandoned":
            attempts.abandoned(attempt)
        else:
            attempts.failed(attempt, errors[outcome])
    assert all(asked.count(each) <= 2 for each in asked)
    assert isinstance(attempts.failure, ProviderError | NoModel)


def test_a_process_in_trouble_stops_trying_again(process: Process) -> None:
    models = [model(f"m{number}", ACME) for number in range(40)]
    made = [len(calls(process.attempts(each), DOWN)) for each in models]
    assert sum(made) == 40 + 10
