"""Arms are sticky: by the key alone, in every process, for ever."""

from hypothesis import given
from hypothesis import strategies as st

from steadyhand.routing.experiments import BUCKETS, Arm, arm, bucket
from steadyhand.types.ids import ModelId
from steadyhand.types.routing import Experiment

SMALL, TINY = ModelId("acme:small"), ModelId("acme:tiny")


def shares(**percent: float) -> Experiment:
    return Experiment("smaller", "", {ModelId(f"acme:{name}"): share for name, share in percent.items()})


def test_a_bucket_is_the_documented_hash() -> None:
    assert [bucket("smaller", key) for key in ("ann", "bob", "")] == [776, 9142, 3301]


@given(key=st.text(), share=st.floats(0.01, 50), more=st.floats(0.01, 50))
def test_raising_the_last_share_moves_keys_only_out_of_control(key: str, share: float, more: float) -> None:
    before = arm(shares(small=20, tiny=share), key).model
    after = arm(shares(small=20, tiny=share + more / 2), key).model
    assert after == before or (before is None and after == TINY)


def test_keys_are_spread_as_the_shares_say() -> None:
    found = [arm(shares(small=10, tiny=0.5), f"caller {number}").model for number in range(20_000)]
    assert 0.09 < found.count(SMALL) / 20_000 < 0.11
    assert 0.003 < found.count(TINY) / 20_000 < 0.007


def test_another_name_draws_anew() -> None:
    keys = [f"caller {number}" for number in range(1_000)]
    same = sum(bucket("one", key) < BUCKETS / 2 and bucket("two", key) < BUCKETS / 2 for key in keys)
    assert 200 < same < 300


def test_all_of_it_is_everybody() -> None:
    assert {arm(shares(small=100), str(number)).model for number in range(500)} == {SMALL}
    assert arm(shares(small=100), "ann") == Arm(bucket("smaller", "ann"), SMALL)
