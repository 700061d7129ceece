"""An answer that another model goes on with has no character twice, and none is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.pipeline.gateway.align import Aligner, Diverged

words = st.text(st.sampled_from("ab "), min_size=0, max_size=12)


def passed_on(aligner: Aligner, pieces: list[str]) -> str:
    return "".join(aligner.feed(piece) for piece in pieces) + aligner.end()


@given(sent=words, rest=words, cut=st.integers(1, 5))
def test_a_model_that_says_all_of_it_again_gives_only_what_is_new(sent: str, rest: str, cut: int) -> None:
    whole = sent + rest
    pieces = [whole[at : at + cut] for at in range(0, len(whole), cut)]
    assert passed_on(Aligner(sent, continues=False), pieces) == rest


def test_a_model_that_continues_is_passed_on_from_its_first_word() -> None:
    assert passed_on(Aligner("The limit is", continues=True), [" 120", " EUR."]) == " 120 EUR."


def test_white_space_that_the_model_was_not_shown_is_not_doubled() -> None:
    assert passed_on(Aligner("The limit is ", continues=True), [" 120", " EUR."]) == "120 EUR."
    assert passed_on(Aligner("The limit is ", continues=True), ["120 EUR."]) == "120 EUR."


def test_a_model_that_was_to_continue_but_began_anew_is_heard_out() -> None:
    assert passed_on(Aligner("The limit is", continues=True), ["The ", "limit", " is 120."]) == " 120."


def test_a_continuation_that_looks_like_an_echo_for_a_while_is_not_lost() -> None:
    assert passed_on(Aligner("no no no yes", continues=True), ["no ", "no"]) == "no no"
    assert passed_on(Aligner("no no no yes", continues=True), ["no ", "no", " maybe"]) == "no no maybe"


def test_a_model_that_begins_anew_and_says_something_else_has_diverged() -> None:
    aligner = Aligner("The limit is 120", continues=False)
    assert aligner.feed("The limit") == ""
    with pytest.raises(Diverged, match="13 characters"):
        aligner.feed(" is 200")


def test_a_model_that_begins_anew_and_stops_short_has_diverged() -> None:
    aligner = Aligner("The limit is 120", continues=False)
    aligner.feed("The limit")
    with pytest.raises(Diverged):
        aligner.end()


def test_where_nothing_was_sent_everything_is_new() -> None:
    assert passed_on(Aligner("", continues=False), ["The", " limit"]) == "The limit"
