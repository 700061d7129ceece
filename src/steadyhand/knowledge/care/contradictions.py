"""Finds sentences of different documents that say the same thing with different values. Pure; no model.

Two sentences contradict each other when they are about the same (nearly all of their terms are shared, names
included), hold for the same time and version, and differ in exactly one typed value, or only in a "not". What is
not sure is left out: an alarm that is often wrong is soon read by nobody.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from steadyhand.knowledge.care.values import Value, values, years
from steadyhand.language.sentences import spans
from steadyhand.language.words import terms, words
from steadyhand.types.passage import Contradiction, Evidence, Passage

_SHORTEST, _LONGEST = 15, 400  # code points of a sentence that is compared
_ALIKE = 0.74  # shared terms among all terms of both, where values differ
_ALIKE_NOT = 0.86  # the same where only a "not" differs
_SHARED, _SHARED_NOT = 2, 3  # terms that both must have at least
_VALUES_MOST = 6  # in a sentence; more of them are a table
_BUCKET_MOST = 50  # sentences that share a term and are compared with each other
_ABOUT_TERMS = 6


def contradictions(passages: Iterable[Passage], language: str = "en") -> tuple[Contradiction, ...]:
    """Pairs of statements of different documents that cannot both be true, in the order of the passages.

    Linear in the passages but for sentences that share a rare term: of a term that more than 50 sentences have,
    none are compared on its account. At most one contradiction is told of each pair of sentences.
    """
    sentences = [one for passage in passages for one in _sentences(passage, language)]
    said = {(one.passage.source, one.statement) for one in sentences}
    found = []
    for first, second in _candidates(sentences):
        about = _difference(sentences[first], sentences[second])
        if about and not _both_say(said, sentences[first], sentences[second]):
            found.append((first, second, about))
    return tuple(
        Contradiction(about, (_statement(sentences[first]), _statement(sentences[second])))
        for first, second, about in sorted(found)
    )


_FIELD = re.compile(r"\W*[^\W\d_][^:|\t]{0,30}[:|\t][\s|]*#[\W]*")
"""A label and its value, such as `Next review: 1 June`: what a document says of itself alone."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    """`frame` are the terms that say what it is about, without values, bounds and negations."""

    passage: Passage
    start: int
    end: int
    frame: frozenset[str]
    names: frozenset[str]
    scope: frozenset[str]
    values: tuple[Value, ...]
    is_negated: bool
    about: str = field(compare=False)

    @property
    def statement(self) -> tuple[Hashable, ...]:
        """Equal where two say the same."""
        return self.frame, self.is_negated, frozenset((value.unit, value.amount) for value in self.values)


def _sentences(passage: Passage, language: str) -> Iterator[_Sentence]:
    outer = years(f"{passage.title} {passage.source} {passage.section}")
    for start, end in spans(passage.text):
        text = passage.text[start:end]
        if not _SHORTEST <= len(text.strip()) <= _LONGEST or text.rstrip().endswith(("?", ":")):
            continue
        found = values(text)
        if len(found) > _VALUES_MOST:
            continue
        bare = _without(text, found)
        if _FIELD.fullmatch(bare.strip()):
            continue
        frame = frozenset(terms(_BOUNDS.sub(" ", _NOT.sub(" ", bare)), language)) - _EMPTY
        if len(frame) >= _SHARED:
            yield _Sentence(
                passage=passage,
                start=passage.start + start,
                end=passage.start + end,
                frame=frame,
                names=frozenset(_names(bare)),
                scope=years(bare) or outer,
                values=tuple(found),
                is_negated=len(_NOT.findall(bare)) % 2 == 1,
                about=_about(bare),
            )


def _candidates(sentences: Sequence[_Sentence]) -> set[tuple[int, int]]:
    """Pairs that share a term which not too many have."""
    having: dict[str, list[int]] = defaultdict(list)
    for number, sentence in enumerate(sentences):
        for term in sentence.frame:
            having[term].append(number)
    return {
        pair
        for numbers in having.values()
        if 2 <= len(numbers) <= _BUCKET_MOST
        for pair in combinations(numbers, 2)
        if sentences[pair[0]].passage.source != sentences[pair[1]].passage.source
    }


def _difference(first: _Sentence, second: _Sentence) -> str:
    """What the two are about and differ in; "" when they agree, or are not sure to be about the same."""
    shared, every = first.frame & second.frame, first.frame | second.frame
    alike = len(shared) / len(every)
    if len(shared) < _SHARED or alike < _ALIKE or first.names != second.names:
        return ""
    if first.scope and second.scope and first.scope != second.scope:
        return ""
    differing = _differing(first.values, second.values)
    if differing is None:
        return ""
    if not differing:
        is_turned = first.is_negated != second.is_negated and alike >= _ALIKE_NOT and len(shared) >= _SHARED_NOT
        return first.about if is_turned else ""
    return first.about if len(differing) == 1 and first.is_negated == second.is_negated else ""


def _both_say(said: Collection[tuple[str, tuple[Hashable, ...]]], first: _Sentence, second: _Sentence) -> bool:
    """Does one of the two documents say both? A list, or another copy of it, contradicts nothing."""
    return (first.passage.source, second.statement) in said or (second.passage.source, first.statement) in said


def _differing(first: Sequence[Value], second: Sequence[Value]) -> list[tuple[str, str]] | None:
    """The kinds of values that differ; None when the two have values that do not compare, or share some."""
    ours, theirs = _by_kind(first), _by_kind(second)
    if ours.keys() != theirs.keys():
        return None
    found = []
    for kind, amounts in ours.items():
        if amounts != theirs[kind]:
            if {amount for amount, _ in amounts} & {amount for amount, _ in theirs[kind]}:
                return None
            if not _same_bounds(amounts, theirs[kind]):
                return None
            found.append(kind)
    return found


def _by_kind(found: Sequence[Value]) -> dict[tuple[str, str], frozenset[tuple[str, str]]]:
    kinds: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for value in found:
        kinds[value.kind, value.unit].add((value.amount, value.bound))
    return {kind: frozenset(amounts) for kind, amounts in kinds.items()}


def _same_bounds(first: frozenset[tuple[str, str]], second: frozenset[tuple[str, str]]) -> bool:
    """One value each, and not a least against a most: those may both be true. Lists and ranges are left alone."""
    if len(first) != 1 or len(second) != 1:
        return False
    bounds = {bound for _, bound in first | second} - {""}
    return len(bounds) <= 1


def _without(text: str, found: Sequence[Value]) -> str:
    """The sentence with a gap where its values were."""
    pieces, at = [], 0
    for value in found:
        pieces.append(text[at : value.start])
        at = value.end
    return " # ".join([*pieces, text[at:]])


def _names(text: str) -> Iterator[str]:
    """Words in capitals that do not begin the sentence: what is said of another place is another statement."""
    for match in _CAPITAL.finditer(text):
        if text[: match.start()].strip(" #\"'(*-–•\n"):
            yield from terms(match[0])


def _about(text: str) -> str:
    """The first words that say something, such as `hotel cost night`."""
    said = [word for word in words(_BOUNDS.sub(" ", text)) if set(terms(word)) - _EMPTY and not word.isdigit()]
    return " ".join(dict.fromkeys(said[:_ABOUT_TERMS]))


def _statement(sentence: _Sentence) -> Evidence:
    passage = sentence.passage
    quote = passage.text[sentence.start - passage.start : sentence.end - passage.start]
    lead = len(quote) - len(quote.lstrip())
    return Evidence(
        field="",
        source=passage.source,
        page=passage.page,
        start=sentence.start + lead,
        end=sentence.start + lead + len(quote.strip()),
        quote=quote.strip(),
        knowledge_base=passage.knowledge_base,
        version_id=passage.version_id,
    )


_NOT = re.compile(
    r"\b(?:not|no|never|cannot|neither|without|prohibited|forbidden|banned|excluded|refused|nicht|keine?[nrms]?|nie"
    r"|verboten|untersagt|değil|yasak)\b|n['’]t\b",
    re.IGNORECASE,
)
_BOUNDS = re.compile(
    r"\b(?:at most|at least|up to|maximum|minimum|max|min|no more than|exceed(?:ed|s)?|less than|more than"
    r"|limit(?:ed|s)?|within|under|over|above|below|cost(?:s|ing)?|amounts?|allowed|permitted|höchstens|mindestens"
    r"|maximal|bis zu|beträgt|erlaubt|only|nur)\b",
    re.IGNORECASE,
)
_CAPITAL = re.compile(r"\b[A-ZÄÖÜÇĞİÖŞÜ][\w'-]+(?:\s+[A-ZÄÖÜÇĞİÖŞÜ][\w'-]+)*")
_EMPTY = frozenset({"may", "must", "shall", "should", "can", "per", "each", "everi", "within"})
