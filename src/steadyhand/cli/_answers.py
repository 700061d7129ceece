"""An answer as a person reads it in a terminal: what was said, where it comes from, who said it."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlencode

from steadyhand.cli._figures import duration, money
from steadyhand.cli._terminal import hanging
from steadyhand.types.feature import Feature
from steadyhand.types.json import Json
from steadyhand.types.passage import Evidence, Passage
from steadyhand.types.run import Answer

_INDENT = "    "


def cited(answer: Answer, feature: Feature, *, address: str, width: int) -> str:
    """The answer's text with numbered citations. `address` is where pages are served, "" when nobody does."""
    text = (answer.output or {}).get(feature.text_field)
    lines = [hanging("A   ", with_markers(str(text), answer.evidence), width)] if text else []
    return "\n".join(
        [*lines, *_grounds(answer, address, width), hanging(_INDENT, signature(answer, feature), width)]
    )


def fields(answer: Answer, feature: Feature, *, width: int) -> str:
    """Every output field on a line of its own, then the sources and who answered."""
    output = answer.output or {}
    longest = max(map(len, output), default=0)
    lines = [hanging(f"{name.ljust(longest)}  ", _shown(value), width) for name, value in output.items()]
    return "\n".join([*lines, *_grounds(answer, "", width), hanging(_INDENT, signature(answer, feature), width)])


def with_markers(text: str, evidence: Sequence[Evidence]) -> str:
    """`text` with a `[1]` for every citation: as the model set them, else behind the quote, else at the end."""
    for number, item in enumerate(evidence, start=1):
        marker = f"[{number}]"
        if marker in text:
            continue
        at = text.find(item.quote)
        end = len(text) if at < 0 else _behind_mark(text, at + len(item.quote))
        text = f"{text[:end]} {marker}{text[end:]}"
    return text


def page_link(item: Evidence | Passage) -> str:
    """The path of the page as it was quoted or found, at its marked words."""
    version = {"version": item.version_id} if item.version_id else {}
    span = urlencode({"page": item.page, "start": item.start, "end": item.end, **version})
    return f"/knowledge/{quote(item.knowledge_base, safe='')}/{quote(item.source)}?{span}#span"


def signature(answer: Answer, feature: Feature) -> str:
    """Who answered, how long it took, what it cost, and the end of the run's id."""
    figures = (duration(answer.duration_s), money(answer.cost_usd), f"run {answer.run_id[-4:]}")
    return "   ".join((_ending(answer, feature), *figures))


def _ending(answer: Answer, feature: Feature) -> str:
    who = (answer.model or "the contract's fallback").removeprefix("local:")
    match answer.status:
        case "answered":
            is_offline = all(model.startswith("local:") for model in feature.models)
            return f"answered by {who}" + (" (no model configured)" if is_offline else "")
        case "fallback":
            reason = f": {answer.error.message}" if answer.error else ""
            return f"fallback to {who}{reason}"
        case "review":
            return "a person has to decide first"
    return answer.status


def _grounds(answer: Answer, address: str, width: int) -> Iterator[str]:
    """The sources, which of them are stale, and where what was retrieved contradicts itself."""
    for number, item in enumerate(answer.evidence, start=1):
        is_due = ", which was due to be looked at again" if item.is_stale else ""
        where = f"{_INDENT}[{number}] {item.source}, page {item.page}{is_due}"
        link = f"{address}{page_link(item)}"
        if not address:
            yield where
        elif len(where) + 5 + len(link) <= width:
            yield f"{where}     {link}"
        else:
            yield f"{where}\n{_INDENT}{_INDENT}{link}"
    for each in answer.contradictions:
        yield f"{_INDENT}sources disagree on {each.about}:"
        for said in each.statements:
            place = f" ({said.source}, page {said.page})"
            yield hanging(f"{_INDENT}- ", f'"{said.quote}"{place}', width)


def _behind_mark(text: str, end: int) -> int:
    """Behind the quotation mark or full stop that follows a quote."""
    while end < len(text) and text[end] in "\"”»'.!?":
        end += 1
    return end


def _shown(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
