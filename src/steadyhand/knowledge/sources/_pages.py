"""What a page says to whoever follows links, and what a sitemap lists."""

import codecs
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lxml import etree, html

from steadyhand.knowledge.sources import _addresses

_MOST_LINKS = 1_000
_MOST_BYTES = 10 * 2**20  # of a page whose links are looked for
_MOST_LISTED = 50_000  # addresses, as sitemaps.org bounds them

SITEMAP_BYTES = 16 * 2**20
"""A larger sitemap is not read."""

_REFRESH = re.compile(r"\s*\d+(?:\.\d*)?\s*[;,]\s*url\s*=\s*['\"]?([^'\"]+)", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_VALUED = ("max-snippet", "max-image-preview", "max-video-preview", "unavailable_after")


@dataclass(frozen=True, slots=True)
class Says:
    """`links` are normal addresses in their order, each once; `canonical` is "" when the page names none."""

    links: tuple[str, ...] = ()
    canonical: str = ""
    is_listed: bool = True


def says(content: bytes, address: str, content_type: str, robots_tag: str, agent: str) -> Says:
    """Read the links of a page. Blocks. `robots_tag` is the header X-Robots-Tag."""
    told = _directives(robots_tag, agent)
    root = _root(content, content_type)
    if root is None:
        return Says(is_listed=not told & {"noindex", "none"})
    for meta in root.iter("meta"):
        if (meta.get("name") or "").lower() in ("robots", agent.lower()):
            told |= _directives(meta.get("content") or "", agent)
    base = _addresses.normal(next((it.get("href") for it in root.iter("base") if it.get("href")), ""), address)
    canonical = next((it.get("href") or "" for it in root.iter("link") if "canonical" in _rel(it)), "")
    links = () if told & {"nofollow", "none"} else _normal(_hrefs(root), base or address, _MOST_LINKS)
    return Says(
        links=links,
        canonical=_addresses.normal(canonical, base or address) if canonical.strip() else "",
        is_listed=not told & {"noindex", "none"},
    )


def listed(content: bytes, address: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The pages and the further sitemaps that a sitemap lists; nothing for what is none. Blocks."""
    if content.startswith(b"\x1f\x8b"):
        try:
            content = zlib.decompressobj(wbits=31).decompress(content, SITEMAP_BYTES)
        except zlib.error:
            return (), ()
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        return (), ()
    found = _normal((place.text or "" for place in root.iterfind("{*}*/{*}loc")), address, _MOST_LISTED)
    return ((), found) if etree.QName(root).localname == "sitemapindex" else (found, ())


def charset(content_type: str) -> str:
    """The encoding that a header names and Python knows, "" when it names none."""
    found = _CHARSET.search(content_type)
    try:
        return codecs.lookup(found[1]).name if found else ""
    except LookupError:
        return ""


def marked(content: bytes, content_type: str) -> bytes:
    """A text whose header names its encoding, as UTF-8 that says so: the header goes before what is inside."""
    named = charset(content_type)
    if not named or content.startswith(codecs.BOM_UTF8):
        return content
    try:
        return codecs.BOM_UTF8 + content.decode(named).encode()
    except (UnicodeError, LookupError, TypeError):  # it lies, or is no encoding of text
        return content


def _root(content: bytes, content_type: str) -> html.HtmlElement | None:
    if len(content) > _MOST_BYTES:
        return None
    parser = html.HTMLParser(encoding=charset(content_type) or None, remove_comments=True, remove_pis=True)
    try:
        return html.document_fromstring(content, parser=parser)
    except (etree.LxmlError, ValueError, LookupError):
        return None


def _hrefs(root: html.HtmlElement) -> Iterator[str]:
    for element in root.iter("a", "area", "meta"):
        if element.tag == "meta":
            if (element.get("http-equiv") or "").lower() == "refresh":
                yield from _REFRESH.findall(element.get("content") or "")
        elif element.get("href") and "nofollow" not in _rel(element):
            yield element.get("href")


def _rel(element: html.HtmlElement) -> list[str]:
    return (element.get("rel") or "").lower().split()


def _normal(hrefs: Iterable[str], base: str, most: int) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for href in hrefs:
        link = _addresses.normal(href, base)
        if link:
            found[link] = None
        if len(found) == most:
            break
    return tuple(found)


def _directives(said: str, agent: str) -> set[str]:
    """The words that are for everybody or for `agent`, in lower case: `otherbot: noindex` is not for us."""
    found: set[str] = set()
    is_ours = True
    for word in said.lower().split(","):
        name, colon, rest = word.strip().partition(":")
        if colon and name.strip() not in _VALUED:
            is_ours, name = name.strip() == agent.lower(), rest
        if is_ours:
            found.add(name.strip())
    return found
