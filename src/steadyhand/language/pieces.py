"""How well a tokenizer knows a language: into how many pieces it cuts a common word.

A tokenizer that has seen little of a language knows few of its words and cuts even the commonest into pieces; the
model behind it then knows as little. English WordPiece cuts English function words into 1.2 pieces, German ones
into 1.7, Turkish ones into 2.0 and Russian ones into 3.4.
"""

from steadyhand.language.function_words import FUNCTION_WORDS
from steadyhand.language.words import is_unspaced, words

_FRAME = 2  # tokens around a text that embedders count


def sample(language: str, text: str) -> str:
    """What tells how well the language is known: its commonest words, or `text` when they are not known here."""
    return " ".join(sorted(FUNCTION_WORDS[language])) if language in FUNCTION_WORDS else text


def per_word(text: str, tokens: int) -> float:
    """Pieces per word of a text that was cut into so many tokens, frame included; 1 for a text without words.

    Where no spaces are written, two characters count as a word.
    """
    found = words(text)
    count = sum(0.5 if is_unspaced(word) else 1.0 for word in found)
    return max(tokens - _FRAME, 0) / count if count else 1.0
