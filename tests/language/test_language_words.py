"""Words and terms: what search compares."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand.language.words import ALGORITHMS, terms, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Travel-Policy, 2nd edition", ["travel", "policy", "2nd", "edition"]),
        ("1,234.5 EUR", ["1,234.5", "eur"]),
        ("up to 20 % or 20%", ["up", "to", "20%", "or", "20%"]),
        ("Ask jane.doe+hr@acme-corp.co.uk.", ["ask", "jane.doe+hr@acme-corp.co.uk"]),
        ("Don’t use the company's card", ["don't", "use", "the", "company's", "card"]),
        ("ﬁnance ＡＢＣ", ["finance", "abc"]),
        ("6½ hours, 10² m", ["6", "1", "2", "hours", "10", "2", "m"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("東京都 へ", ["東京", "京都", "へ"]),
        ("... — !", []),
        ("", []),
    ],
)
def test_words_are_what_a_reader_would_count(text: str, expected: list[str]):
    assert words(text) == expected


@given(st.text())
def test_words_are_lowercase_and_never_empty(text: str):
    assert all(word and not any(char.isspace() for char in word) for word in words(text))


def test_terms_meet_across_inflection_and_spelling_of_percent():
    assert terms("The policies were exceeding 20 %") == ["polici", "exceed", "20"]
    assert terms("policy, exceeded, 20 percent")[:3] == ["polici", "exceed", "20"]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("fr", "L'eau de l'hôtel", ["eau", "hôtel"]),
        ("it", "l'acqua dell'albergo", ["acqua", "alberg"]),
        ("tr", "İSTANBUL'da kitaplar", ["istanbul", "kitap"]),
        ("de", "Die Häuser der Firmen", ["haus", "firm"]),
        ("xx", "The Running Houses", ["the", "running", "houses"]),
    ],
)
def test_terms_follow_the_language(language: str, text: str, expected: list[str]):
    assert terms(text, language) == expected


@pytest.mark.parametrize("language", sorted(ALGORITHMS))
def test_every_named_stemmer_exists(language: str):
    assert isinstance(terms("x", language), list)


def test_terms_are_the_same_from_many_threads():
    text = "running policies exceeded hotels travelling " * 50
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(terms, [text] * 64))
    assert all(result == results[0] for result in results)
