"""Which part of a web page is its content: navigation, forms, notices and what nobody sees are taken out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from lxml import etree, html

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_NO_TEXT = re.split(
    r"\s+", "head script style template button select textarea svg canvas iframe object audio video rt rp"
)
_HIDING = ("noscript", "dialog")
_AROUND = (*_HIDING, "nav", "footer", "aside")
_HIDDEN = "//*[@hidden or @aria-hidden='true' or contains(translate(@style, ' ', ''), 'display:none')]"
_HEADS = "//header[not(ancestor::article or ancestor::main)]|//form"
_FURNITURE = re.compile(
    r"""(?:^|[\s_-])(?:cookies?|consent|gdpr|nav|navi|navbar|navigation|menu|submenu|sidebar|side-?bar|breadcrumbs?
    |footer|foot|share|sharing|social|socials|newsletter|subscribe|related|recommended|popup|modal|advert
    |advertisement|promo|promotion|skip-?links?|pagination|pager|login|signup|tag-?cloud
    |search-?form|searchbox|toolbar|masthead|copyright|comment-?form|respond|akismet|textwidget)(?=$|[\s_-])""",
    re.VERBOSE | re.IGNORECASE,
)
_ROLES = frozenset(["navigation", "search", "contentinfo", "banner", "dialog", "alertdialog", "menu", "menubar"])
_PARTS = ("div", "section", "ul", "ol", "table", "p", "span", "dl", "form")
_LARGEST_SHARE = 0.3  # furniture is never so much of the text
_MAIN_SHARE = 0.25  # an element that says it is the main one has at least so much of the text
_SWALLOWED, _MUCH = 0.5, 500  # of the text that is in no link, as a share and in code points
_LINKS = 4  # from so many links on, a part that is nothing else is navigation
_LINKED = 0.85  # share of its text


def main_content(root: html.HtmlElement) -> html.HtmlElement:
    """The one element that says it is the main content, else everything without what is plainly furniture.

    A page without links and navigation is no part of a web site: all that is seen of it is content.
    """
    _drop(list(root.iter(*_NO_TEXT)))
    is_alone = next(root.iter("a", "nav"), None) is None
    _drop_around(root, _HIDING if is_alone else _AROUND)
    _drop_heads(root)
    return root if is_alone else _main(root)


def _drop_around(root: html.HtmlElement, tags: Sequence[str]) -> None:
    """Take out what stands around the content and what is hidden, unless it swallows the page.

    Parts that are never closed hold all that follows; others are shown by a script that we do not run.
    """
    extents = _extents(root)
    enough = max(_MUCH, _SWALLOWED * extents[root].unlinked)
    _drop([part for part in [*root.iter(*tags), *root.xpath(_HIDDEN)] if extents[part].unlinked < enough])


def _drop_heads(root: html.HtmlElement) -> None:
    """Headers stay in an article, and they and forms when a heading, or much of the page, is in them."""
    with_heading = _around(root.iter(*_HEADINGS))
    extents = _extents(root)
    most = _LARGEST_SHARE * extents[root].length
    _drop([head for head in root.xpath(_HEADS) if head not in with_heading and extents[head].length <= most])


def _main(root: html.HtmlElement) -> html.HtmlElement:
    extents = _extents(root)
    whole = extents[root].length
    for path in (".//main", ".//*[@role='main']", ".//article", ".//*[@itemprop='articleBody']"):
        found = root.findall(path)
        if len(found) == 1 and extents[found[0]].length >= max(1, _MAIN_SHARE * whole):
            _drop(_furniture(found[0], extents, whole))
            return found[0]
    _drop([*_furniture(root, extents, whole), *_link_lists(root, extents, whole)])
    return root


class _Extent(NamedTuple):
    """Code points of text in an element, how many of them are in links, and how many links there are."""

    length: int
    linked: int
    links: int

    @property
    def unlinked(self) -> int:
        return self.length - self.linked


def _extents(root: html.HtmlElement) -> dict[html.HtmlElement, _Extent]:
    """Of every element, in one walk: pages may nest thousands deep."""
    found: dict[html.HtmlElement, _Extent] = {}
    inside = [[0, 0, 0]]
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            inside.append([len((element.text or "").strip()), 0, 0])
            continue
        length, linked, links = inside.pop()
        if element.tag == "a":
            linked, links = length, links + 1
        found[element] = _Extent(length, linked, links)
        outer = inside[-1]
        tail = len((element.tail or "").strip())
        outer[0], outer[1], outer[2] = outer[0] + length + tail, outer[1] + linked, outer[2] + links
    return found


def _around(elements: Iterable[html.HtmlElement]) -> set[html.HtmlElement]:
    """The elements that others are in."""
    found: set[html.HtmlElement] = set()
    for element in elements:
        outer = element.getparent()
        while outer is not None and outer not in found:
            found.add(outer)
            outer = outer.getparent()
    return found


def _furniture(
    root: html.HtmlElement, extents: Mapping[html.HtmlElement, _Extent], whole: int
) -> list[html.HtmlElement]:
    """Parts whose class, id or role says that they stand around the content."""
    with_title = _around(root.iter("h1"))
    return [
        element
        for element in root.iter(*_PARTS)
        if element is not root
        and element not in with_title
        and element.get("role") != "note"
        and extents[element].length <= _LARGEST_SHARE * whole
        and (
            element.get("role") in _ROLES
            or _FURNITURE.search(f"{element.get('class', '')} {element.get('id', '')}")
        )
    ]


def _link_lists(
    root: html.HtmlElement, extents: Mapping[html.HtmlElement, _Extent], whole: int
) -> list[html.HtmlElement]:
    """Lists and boxes that hold several links and nearly nothing else."""
    return [
        element
        for element in root.iter("ul", "ol", "div", "table")
        if extents[element].links >= _LINKS
        and 0 < extents[element].length <= _LARGEST_SHARE * whole
        and extents[element].linked >= _LINKED * extents[element].length
    ]


def _drop(elements: Iterable[html.HtmlElement]) -> None:
    """Empty elements where they stand: taking them out joins texts, which control characters make fail."""
    for element in elements:
        if element.getparent() is not None:
            element.clear(keep_tail=True)
            element.tag = "wbr"
