"""Sentence boundaries: where quotes begin and end."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.language.sentences import spans


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in spans(text)]


@pytest.mark.parametrize(
    "sentence",
    [
        "Mr. Smith and Dr. Jones of Acme Inc. met J. K. Rowling in the U.S. in 1999.",
        "It costs $3.5 million, i.e. 2.9 million euros, see Fig. 3 and No. 5.",
        "Reports are due by Jan. 5 at 5 p.m. on the server.",
        "This line was broken\nby a PDF, e.g. on\nMonday, before its end.",
        "Yahoo! is a company.",
        "Am 3. Oktober wurde z.B. Herrn Dr. Meier gratuliert.",
        "A heading without a stop",
    ],
)
def test_a_sentence_stays_whole(sentence: str):
    assert cut(f"Before it. {sentence}\n\nAfter it.") == ["Before it.", sentence, "After it."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He left the U.S. The next day he died.", ["He left the U.S.", "The next day he died."]),
        ("She arrived at 5 p.m. He was late.", ["She arrived at 5 p.m.", "He was late."]),
        ('"Really?" she said. "Yes." He went.', ['"Really?" she said.', '"Yes."', "He went."]),
        ("He said no. (It was 5.) Then...  Done", ["He said no.", "(It was 5.)", "Then...", "Done"]),
        ("# Travel\nBook early.", ["# Travel", "Book early."]),
        ("Bring:\n- a pass\n- a card. Or two\n1. money", ["Bring:", "- a pass", "- a card.", "Or two", "1. money"]),
        ("| a | b |\n| 1 | 2 |\nBelow it.", ["| a | b |", "| 1 | 2 |", "Below it."]),
        ("end of page\fNext page", ["end of page", "Next page"]),
        ("これは文です。次の文！", ["これは文です。", "次の文！"]),
        ("It was 1990. Nobody knew.", ["It was 1990.", "Nobody knew."]),
        (" \n\t ", []),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]):
    assert cut(text) == expected


@given(st.text(alphabet="aA1.?! \n-|#\"')(\f\r。", max_size=80))
def test_ranges_are_ordered_and_cover_everything_that_is_not_white_space(text: str):
    found = spans(text)
    ends = [0, *(end for _, end in found)]
    assert all(previous <= start < end for previous, (start, end) in zip(ends, found, strict=False))
    assert "".join("".join(cut(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("unit", [".", ".)", "(", "\n", " ", "A. ", "1. ", "# ", "a\n", "| ", "." + ")" * 50, "- "])
def test_hostile_text_takes_linear_time(unit: str):
    text = unit * (200_000 // len(unit)) + "x"
    began = time.process_time()
    spans(text)
    assert time.process_time() - began < 5  # quadratic behaviour would take minutes
