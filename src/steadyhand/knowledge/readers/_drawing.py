"""What drawings in Office files say: text bodies, tables, charts and diagrams. Source: ECMA-376."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from lxml import etree

from steadyhand.knowledge.readers._draft import Draft, collapsed
from steadyhand.knowledge.readers._formats import shown_number
from steadyhand.knowledge.readers._package import Package, R, shown_children, whole

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_CX = "{http://schemas.microsoft.com/office/drawing/2014/chartex}"
_DGM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_TEXTS = frozenset([f"{A}t", "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"])
_NO_NODES = frozenset(["pres", "parTrans", "sibTrans"])
_DEEPEST = 8  # levels that are indented


class Paragraph(NamedTuple):
    """`level` counts from 0. `is_item`: does it have a bullet or a number? None when it does not say."""

    text: str
    level: int
    is_item: bool | None


def paragraphs(body: etree._Element) -> Iterator[Paragraph]:
    """The paragraphs of a text body that are not blank."""
    for element in body.iter(f"{A}p"):
        text = "\n".join(map(collapsed, "".join(_runs(element)).split("\n"))).strip()
        if text:
            properties = element.find(f"{A}pPr")
            level = whole(properties.get("lvl")) if properties is not None else 0
            yield Paragraph(text, min(max(level, 0), _DEEPEST), _is_item(properties))


def flat(body: etree._Element) -> str:
    """All text of an element on one line."""
    return collapsed(" ".join(paragraph.text for paragraph in paragraphs(body)))


def add_paragraphs(draft: Draft, found: Sequence[Paragraph], *, are_items: bool = False) -> None:
    """Append paragraphs; neighbouring items become one list. `are_items` is for those that do not say."""
    for is_list, together in groupby(found, key=lambda p: are_items if p.is_item is None else p.is_item):
        group = list(together)
        if is_list:
            least = min(paragraph.level for paragraph in group)
            items = (f"{'  ' * (p.level - least)}- {collapsed(p.text)}" for p in group)
            draft.add("list", "\n".join(items))
        else:
            for paragraph in group:
                draft.add("paragraph", paragraph.text)


def add_table(draft: Draft, table: etree._Element) -> None:
    """Append a table; its first row holds the column titles unless it says that it does not."""
    rows = [" | ".join(flat(cell) for cell in row.iterfind(f"{A}tc")) for row in table.iterfind(f"{A}tr")]
    rows = [row for row in rows if row.strip(" |")]
    properties = table.find(f"{A}tblPr")
    has_titles = len(rows) > 1 and (properties is None or properties.get("firstRow", "1") not in {"0", "false"})
    draft.add("table", "\n".join(rows), header_lines=1 if has_titles else 0)


def add_embedded(draft: Draft, package: Package, part: str, drawing: etree._Element) -> None:
    """Append the charts and diagrams that a drawing in a part shows."""
    for element in drawing.iter(f"{_C}chart", f"{_CX}chart", f"{_DGM}relIds"):
        target = element.get(f"{R}dm") or element.get(f"{R}id") or ""
        relation = package.related(part).get(target)
        root = package.tree(relation.target) if relation else None
        if root is None:
            continue
        if element.tag == f"{_DGM}relIds":
            add_paragraphs(draft, list(_nodes(root)))
        elif element.tag == f"{_C}chart":
            _add_chart(draft, root)
        else:
            _add_new_chart(draft, root)


def _runs(element: etree._Element) -> Iterator[str]:
    for child in shown_children(element):
        if child.tag in _TEXTS:
            yield child.text or ""
        elif child.tag == f"{A}br":
            yield "\n"
        else:
            yield from _runs(child)


def _is_item(properties: etree._Element | None) -> bool | None:
    for child in properties if properties is not None else ():
        if child.tag in {f"{A}buChar", f"{A}buAutoNum", f"{A}buBlip"}:
            return True
        if child.tag == f"{A}buNone":
            return False
    return None


# Charts


def _add_chart(draft: Draft, root: etree._Element) -> None:
    """Titles and labels as a paragraph, the values that the chart keeps as one table per set of categories."""
    said = dict.fromkeys(flat(rich) for rich in root.iter(f"{_C}rich"))
    draft.add("paragraph", "\n".join(filter(None, said)))
    series = [_Series(*_of(element)) for element in root.iter(f"{_C}ser")]
    while series:
        alike = [one for one in series if one.categories == series[0].categories]
        series = [one for one in series if one.categories != series[0].categories]
        titles = ["", *(one.name for one in alike)]
        categories = alike[0].categories or {at: "" for one in alike for at in one.values}
        rows = [[label, *(one.values.get(at, "") for one in alike)] for at, label in sorted(categories.items())]
        _add_rows(draft, [titles, *rows] if any(titles) else rows, has_titles=any(titles))


class _Series(NamedTuple):
    name: str
    categories: dict[int, str]
    values: dict[int, str]


def _of(series: etree._Element) -> tuple[str, dict[int, str], dict[int, str]]:
    name = series.find(f"{_C}tx")
    return (
        " ".join(_cached(name).values())
        or (collapsed("".join(map(str, name.itertext(f"{_C}v")))) if name is not None else ""),
        _cached(_first(series, "cat", "xVal")),
        _cached(_first(series, "val", "yVal")),
    )


def _first(series: etree._Element, *names: str) -> etree._Element | None:
    return next((found for name in names if (found := series.find(f"{_C}{name}")) is not None), None)


def _cached(source: etree._Element | None) -> dict[int, str]:
    """What a chart remembers of the cells it was drawn from, by position; labels of several levels are joined."""
    if source is None:
        return {}
    code = source.findtext(f".//{_C}formatCode") or "General"
    levels = source.findall(f".//{_C}lvl") or [source]
    points: dict[int, str] = {}
    for level in levels:
        for point in level.iter(f"{_C}pt"):
            at, value = whole(point.get("idx")), collapsed(point.findtext(f"{_C}v") or "")
            shown = shown_number(value, point.get("formatCode") or code)
            points[at] = f"{shown} {points[at]}" if at in points else shown
    return points


def _add_new_chart(draft: Draft, root: etree._Element) -> None:
    """Charts of 2016 and later, such as waterfalls and tree maps."""
    said = dict.fromkeys(flat(rich) for rich in root.iter(f"{_CX}rich"))
    draft.add("paragraph", "\n".join(filter(None, said)))
    for held in root.iter(f"{_CX}data"):
        rows: dict[int, list[str]] = {}
        for level in held.iter(f"{_CX}lvl"):
            for point in level.iter(f"{_CX}pt"):
                value = shown_number(collapsed(point.text or ""), level.get("formatCode", "General"))
                rows.setdefault(whole(point.get("idx")), []).append(value)
        _add_rows(draft, [row for _, row in sorted(rows.items())], has_titles=False)


def _add_rows(draft: Draft, rows: Sequence[Sequence[str]], *, has_titles: bool) -> None:
    lines = [" | ".join(row) for row in rows if any(row)]
    draft.add("table", "\n".join(lines), header_lines=1 if has_titles and len(lines) > 1 else 0)


# Diagrams


def _nodes(root: etree._Element) -> Iterator[Paragraph]:
    """The texts of a diagram (SmartArt) from the outside in."""
    points = {point.get("modelId", ""): point for point in root.iter(f"{_DGM}pt")}
    children: dict[str, list[str]] = {}
    connections = (c for c in root.iter(f"{_DGM}cxn") if c.get("type", "parOf") == "parOf")
    for connection in sorted(connections, key=lambda c: whole(c.get("srcOrd"))):
        children.setdefault(connection.get("srcId", ""), []).append(connection.get("destId", ""))
    inner = {child for below in children.values() for child in below}
    waiting = [(key, 0) for key in reversed(points) if key not in inner]
    seen: set[str] = set()
    while waiting:
        key, depth = waiting.pop()
        if key in seen or key not in points:
            continue
        seen.add(key)
        text = "" if points[key].get("type") in _NO_NODES else flat(points[key])
        if text:
            yield Paragraph(text, min(depth, _DEEPEST), is_item=True)
        waiting += [(child, depth + 1 if text else depth) for child in reversed(children.get(key, []))]
