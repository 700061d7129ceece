"""Keys: everything that decides an answer is in them, and nothing else."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from house import FEATURE
from steadyhand.caching.keys import of_request, of_run
from steadyhand.types.feature import Cache, Feature
from steadyhand.types.ids import FeatureName, ModelId

EXACT = replace(FEATURE, cache=Cache("exact", 60))
FAQ = replace(FEATURE, cache=Cache("faq", 60))
ASKED = {"question": "How much?"}
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.5}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def run_key(feature: Feature = EXACT, asked: dict = ASKED, scope: str = "", snapshot: str = "policies@1") -> bytes:
    return of_run(feature, asked, scope=scope, snapshot=snapshot)


def request_key(body: object = BODY, route: str = "openai:m", key_id: str = "k") -> bytes | None:
    return of_request(route, json.dumps(body).encode(), key_id=key_id)


@pytest.mark.parametrize(
    "other",
    [
        run_key(replace(EXACT, name=FeatureName("others"))),
        run_key(replace(EXACT, version="v2")),
        run_key(replace(EXACT, prompt="Answer briefly.")),
        run_key(replace(EXACT, models=(ModelId("cloud:small"),))),
        run_key(replace(EXACT, fallback_model=ModelId("cloud:small"))),
        run_key(asked={"question": "how much?"}),
        run_key(asked={"question": ["how", "much"]}),
        run_key(scope="key"),
        run_key(snapshot="policies@2"),
        run_key(FAQ),
    ],
)
def test_what_decides_an_answer_is_in_its_key(other: bytes) -> None:
    assert other != run_key()


def test_the_order_of_fields_is_not_in_a_key() -> None:
    one, other = {"question": "x", "channel": "y"}, {"channel": "y", "question": "x"}
    assert run_key(asked=one) == run_key(asked=other)


def test_free_texts_of_an_faq_are_compared_by_their_words_and_values_as_they_are() -> None:
    schema = {
        "type": "object",
        "properties": {
            "question": {"type": "string", "maxLength": 500},
            "channel": {"type": "string", "enum": ["Web", "web"]},
            "number": {"type": "string", "pattern": "^[a-zA-Z]+$"},
            "count": {"type": "integer"},
        },
    }
    feature = replace(FAQ, input_schema=schema)
    asked = {"question": "What's up?", "channel": "Web", "number": "aB", "count": 1}
    same = {**asked, "question": "what is up"}
    assert run_key(feature, asked) == run_key(feature, same)
    for change in ({"channel": "web"}, {"number": "ab"}, {"count": 2}, {"question": "what was up"}):
        assert run_key(feature, {**same, **change}) != run_key(feature, asked)


def test_a_streamed_request_has_the_answer_of_a_whole_one() -> None:
    assert request_key({**BODY, "stream": True, "stream_options": {"include_usage": True}}) == request_key()
    assert request_key({**BODY, "user": "somebody"}) == request_key()
    assert request_key(dict(reversed(BODY.items()))) == request_key()


@pytest.mark.parametrize(
    "other",
    [
        request_key({**BODY, "temperature": 0.6}),
        request_key({**BODY, "model": "n"}),
        request_key({**BODY, "seed": 10**25}),
        request_key({**BODY, "x_unknown": 1}),
        request_key(route="anthropic:m"),
        request_key(key_id="other"),
    ],
)
def test_another_request_route_or_key_has_an_answer_of_its_own(other: bytes | None) -> None:
    assert other not in (None, request_key())


def test_numbers_that_no_machine_word_holds_are_told_apart() -> None:
    assert request_key({**BODY, "seed": 10**25}) != request_key({**BODY, "seed": 10**25 + 1})


@pytest.mark.parametrize("body", [b"", b"[]", b"nothing", b'"text"', b"\xff", b"[" * 100_000])
def test_what_is_no_request_has_no_key(body: bytes) -> None:
    assert of_request("openai:m", body, key_id="k") is None


@given(one=st.dictionaries(st.text(), JSON, max_size=4), other=st.dictionaries(st.text(), JSON, max_size=4))
def test_two_inputs_have_one_key_when_they_are_one(one: dict, other: dict) -> None:
    is_same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (run_key(asked=one) == run_key(asked=other)) == is_same
