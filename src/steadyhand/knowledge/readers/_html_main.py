"""Which part of a web page is its content: navigation, forms, notices and what nobody sees are taken out."""

import re
from collections.abc import Iterator

from lxml import html

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_DROPPED = re.split(
    r"\s+",
    """head script style noscript template nav footer aside button select textarea svg canvas iframe object
    audio video dialog""",
)
_HIDDEN = "//*[@hidden or @aria-hidden='true' or contains(translate(@style, ' ', ''), 'display:none')]"
_FURNITURE = re.compile(
    r"""(?:^|[\s_-])(?:cookies?|consent|gdpr|nav|navi|navbar|navigation|menu|submenu|sidebar|side-?bar|breadcrumbs?
    |footer|foot|share|sharing|social|socials|newsletter|subscribe|related|recommended|popup|modal|advert
    |advertisement|promo|promotion|skip-?links?|pagination|pager|login|signup|tag-?cloud
    |search-?form|searchbox|toolbar|masthead|copyright|comment-?form)(?=$|[\s_-])""",
    re.VERBOSE | re.IGNORECASE,
)
_ROLES = frozenset(["navigation", "search", "contentinfo", "banner", "dialog", "alertdialog", "menu", "menubar"])
_PARTS = ("div", "section", "ul", "ol", "table", "p", "span", "dl", "form")
_LARGEST_SHARE = 0.3  # furniture is never so much of the text
_MAIN_SHARE = 0.25  # an element that says it is the main one has at least so much of the text
_LINKS = 4  # from so many links on, a part that is nothing else is navigation
_LINKED = 0.85  # share of its text


def prune(root: html.HtmlElement) -> None:
    """Take out what is not content. A header or a form stays when a heading, or much of the page, is in it."""
    _drop([*root.iter(*_DROPPED), *root.xpath(_HIDDEN)])
    kept = {outer for heading in root.iter(*_HEADINGS) for outer in heading.iterancestors("header", "form")}
    whole = _length(root)
    outside = [
        element
        for element in root.iter("header", "form")
        if element not in kept and _length(element) <= _LARGEST_SHARE * whole
    ]
    _drop(outside)


def main_content(root: html.HtmlElement) -> html.HtmlElement:
    """The one element that says it is the main content, else everything without what is plainly furniture."""
    whole = _length(root)
    for path in (".//main", ".//*[@role='main']", ".//article", ".//*[@itemprop='articleBody']"):
        found = root.findall(path)
        if len(found) == 1 and _length(found[0]) >= max(1, _MAIN_SHARE * whole):
            _drop(_furniture(found[0], whole))
            return found[0]
    _drop([*_furniture(root, whole), *_link_lists(root, whole)])
    return root


def _furniture(root: html.HtmlElement, whole: int) -> list[html.HtmlElement]:
    """Parts whose class, id or role says that they stand around the content."""
    return [
        element
        for element in root.iter(*_PARTS)
        if element is not root
        and (
            element.get("role") in _ROLES
            or _FURNITURE.search(f"{element.get('class', '')} {element.get('id', '')}")
        )
        and next(element.iter("h1"), None) is None
        and _length(element) <= _LARGEST_SHARE * whole
    ]


def _link_lists(root: html.HtmlElement, whole: int) -> list[html.HtmlElement]:
    """Lists and boxes that hold several links and nearly nothing else."""
    found = []
    for element in root.iter("ul", "ol", "div", "table"):
        links = list(element.iter("a"))
        length = _length(element) if len(links) >= _LINKS else 0
        if 0 < length <= _LARGEST_SHARE * whole and sum(map(_length, links)) >= _LINKED * length:
            found.append(element)
    return found


def _drop(elements: list[html.HtmlElement]) -> None:
    for element in elements:
        if element.getparent() is not None:
            element.drop_tree()


def _length(element: html.HtmlElement) -> int:
    return sum(len(text.strip()) for text in _texts(element))


def _texts(element: html.HtmlElement) -> Iterator[str]:
    return map(str, element.itertext())
