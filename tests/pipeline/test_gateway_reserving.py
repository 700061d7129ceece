"""What is set aside for an answer: never less than nothing, and enough for all answers that were asked for."""

from dataclasses import replace
from decimal import Decimal

import pytest

from steadyhand.pipeline.gateway.names import Route
from steadyhand.serve.gateway.dialects import openai
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Model, Provider


def route(max_output_tokens: int | None) -> Route:
    provider = Provider(
        name="test", dialect="openai", base_url="http://127.0.0.1/v1", place="local", clearance="internal"
    )
    model = Model(
        id=ModelId("test:m"),
        provider=provider,
        name="m",
        price=None,
        context_tokens=None,
        max_output_tokens=max_output_tokens,
    )
    return Route(
        name="m",
        models=(model,),
        reasons="",
        data_class="internal",
        order="listed",
        weights={},
        timeout_s=1,
        attempt_s=1,
        hedge_s=None,
        cache_s=None,
        input_usd=Decimal(1),
        output_usd=Decimal(1),
        request_usd=Decimal(0),
    )


@pytest.mark.parametrize(
    ("asked", "most", "reserved"),
    [(None, None, 4096), (None, 1000, 1000), (50, None, 50), (50, 40, 40), (-1, None, 4096), (-(10**9), 40, 40), (0, None, 0)],
)  # fmt: skip
def test_what_is_reserved_is_never_less_than_nothing(asked: int | None, most: int | None, reserved: int) -> None:
    assert route(most).output_tokens(asked) == reserved
    assert route(most).output_tokens(asked, 3) == 3 * reserved


@pytest.mark.parametrize(
    ("said", "answers"), [("", 1), (', "n": 5', 5), (', "n": 0', 1), (', "n": -7', 1), (', "n": null', 1)]
)
def test_every_answer_that_a_client_asks_for_counts(said: str, answers: int) -> None:
    assert openai.head(f'{{"model": "m"{said}}}'.encode()).answers == answers


def test_every_model_that_may_be_asked_beside_others_counts() -> None:
    one = route(100)
    hedged = replace(one, hedge_s=0.5, models=one.models * 3)
    assert hedged.worst_usd(10, 20) == 3 * one.worst_usd(10, 20) == 90


def test_the_price_of_a_request_is_reserved_besides_its_tokens() -> None:
    one = route(100)
    assert replace(one, request_usd=Decimal(5)).worst_usd(10, 20) == 5 + one.worst_usd(10, 20)
