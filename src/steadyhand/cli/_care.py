"""Prints what a knowledge base wants from the people who own it."""

from collections.abc import Sequence

from steadyhand.cli._figures import count
from steadyhand.cli._terminal import Terminal, hanging
from steadyhand.knowledge.care.report import Care, Remark, Weak
from steadyhand.types.passage import Contradiction


def print_report(terminal: Terminal, found: Care) -> None:
    """One part for each kind of thing that wants a look; none for what is in order."""
    parts = {
        "stale": _remarks(found.stale),
        "overdue sources": _remarks(found.overdue),
        "failed": _remarks(found.failed),
        "never retrieved": [(path, "") for path in found.never_retrieved],
        "duplicates": [
            (f"{pair.first} and {pair.second}", f"{pair.similarity:.0%} the same") for pair in found.duplicates
        ],
        "contradictions": [_contradiction(each) for each in found.contradictions],
        "questions that found little": [_weak(each) for each in found.weak],
    }
    for title, lines in parts.items():
        if lines:
            terminal.data(f"{title} ({len(lines)})")
            for subject, reason in lines:
                terminal.data(hanging("  ", f"{subject}: {reason}" if reason else subject, terminal.width))
    for remark in (*found.cut, *found.remarks):
        terminal.say(remark)
    searched = f"{count(found.runs, 'run')} searched it in {found.days} days"
    terminal.say(f"{found.knowledge_base}: {count(found.documents, 'document')}, {searched}")


def _remarks(remarks: Sequence[Remark]) -> list[tuple[str, str]]:
    return [(remark.path, remark.reason.removeprefix(f"{remark.path}: ")) for remark in remarks]


def _contradiction(found: Contradiction) -> tuple[str, str]:
    said = [f"“{each.quote}” ({each.source}, page {each.page})" for each in found.statements]
    return found.about, " against ".join(said)


def _weak(found: Weak) -> tuple[str, str]:
    best = "no passage" if found.similarity is None else f"best similarity {found.similarity:.2f}"
    return found.question, best if found.is_found else f"not found, {best}"
