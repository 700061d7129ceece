"""Addresses of pages: one form for each, whatever leads there, and the name that its document has in a base."""

import hashlib
import re
from pathlib import PurePosixPath
from urllib.parse import unquote

from yarl import URL

_LONGEST = 2_000  # characters
_REPEATS = 3  # of one name in a path: a relative link that is resolved wrongly makes a/b/a/b/a/b…
_DEEPEST = 30  # names in a path
_TRACKING = re.compile(
    r"utm_\w+|[dg]clid|[gw]braid|fbclid|msclkid|yclid|twclid|igshid|mc_[ce]id|_g[al]|_hs(?:enc|mi)|mkt_tok"
    r"|phpsessid|jsessionid|aspsessionid\w*|cfid|cftoken|session_?id",
    re.IGNORECASE,
)
_SESSION = re.compile(r";jsessionid=[^/?#]*", re.IGNORECASE)
_INDEX = re.compile(r"/(?:index|default)\.(?:html?|xhtml|php|aspx?|jsp)\Z", re.IGNORECASE)
_UNSAFE = re.compile(r'[\x00-\x1f\x7f\\/:*?"<>|\ud800-\udfff]')
_LONGEST_NAME = 120  # bytes, of the 255 that file systems take
_LONGEST_PATH = 1_000  # bytes
_OF_TYPE = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "application/json": ".json",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "message/rfc822": ".eml",
    "application/vnd.ms-outlook": ".msg",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}
HTML = (".html", ".htm", ".xhtml")
_VAGUE = ("", "text/plain", "application/octet-stream", "binary/octet-stream", "application/x-download")
_NO_PAGE = re.compile(
    r"\.(?:css|js|mjs|map|json5?|xml|rss|atom|ico|png|jpe?g|gif|svg|webp|avif|bmp|tiff?|woff2?|ttf|otf|eot|mp[34]|m4[av]"
    r"|webm|ogg|ogv|wav|flac|avi|mov|mkv|gz|bz2|xz|7z|rar|tar|tgz|exe|msi|dmg|pkg|deb|rpm|iso|apk|jar|bin|so|dll)\Z",
    re.IGNORECASE,
)


def normal(address: str, base: str = "") -> str:
    """The address without fragment, tracking and session; "" for what is no page of the web.

    `base` is what a relative one starts from.
    """
    if len(address) > 2 * _LONGEST:
        return ""
    try:
        url = URL(base).join(URL(address.strip())) if base else URL(address.strip())
        url = url.with_fragment(None)
        if url.scheme not in ("http", "https") or not url.raw_host or url.user or url.password:
            return ""
        url = _without_tracking(url.with_port(None) if url.is_default_port() else url)
    except (ValueError, TypeError):
        return ""
    written = _SESSION.sub("", str(url))
    return written if len(written) <= _LONGEST and not _is_trap(url.path) else ""


def may_be_page(address: str) -> bool:
    """Not when its name says that it is a picture, a script, a film or a program."""
    return not _NO_PAGE.search(URL(address).path)


def identity(address: str) -> str:
    """Equal for addresses of one page: without scheme, order of the query, and the name of a folder's index."""
    url = URL(address)
    query = "&".join(sorted(url.raw_query_string.split("&"))) if url.raw_query_string else ""
    return f"{authority(address)}{_INDEX.sub('/', url.raw_path)}{'?' if query else ''}{query}"


def authority(address: str) -> str:
    """The host of a normal address, with the port where it is not the usual one."""
    return address.split("/", 3)[2]


def target(address: str) -> str:
    """Path and query: what rules of robots.txt and patterns of settings look at."""
    return URL(address).raw_path_qs


def extension(address: str, media_type: str) -> str:
    """How a document of this type is read; that of the address where the type says little. "" for no document."""
    own = PurePosixPath(URL(address).path).suffix.lower()
    known = own if own in (*_OF_TYPE.values(), ".htm", ".xhtml") else ""
    if media_type in _VAGUE and known:
        return known
    found = _OF_TYPE.get(media_type, "")
    return own if found == ".html" and own in HTML else found


def document_path(page: str, suffix: str) -> str:
    """The name of a page, as `identity` gives it, inside a knowledge base: relative, safe, ending with `suffix`."""
    path, _, query = page.partition("?")
    host, *names = [safe(unquote(name)) for name in path.split("/")]
    last = names.pop() if names else ""
    stem = last[: -len(suffix)] if suffix and last.lower().endswith(suffix) else last
    if query:
        stem = f"{stem}~{safe(unquote(query))}"
    whole = "/".join(filter(None, [host, *names, _short(stem or "index") + suffix]))
    return whole if len(whole.encode()) <= _LONGEST_PATH else f"{host}/{_mark(page)}{suffix}"


def marked(path: str, page: str) -> str:
    """Another path for `page`, whose own is taken."""
    found = PurePosixPath(path)
    return str(found.with_name(f"{found.stem}~{_mark(page)}{found.suffix}"))


def safe(name: str) -> str:
    """One name of a path: what has a meaning in paths is replaced, what is long is cut."""
    found = _UNSAFE.sub("_", name)
    return _short(f"_{found}" if found.startswith(".") else found)


def _without_tracking(url: URL) -> URL:
    if not any(map(_TRACKING.fullmatch, url.query)):
        return url
    return url.with_query([(name, value) for name, value in url.query.items() if not _TRACKING.fullmatch(name)])


def _is_trap(path: str) -> bool:
    names = [name for name in path.split("/") if name]
    return len(names) > _DEEPEST or any(names.count(name) > _REPEATS for name in names)


def _short(name: str) -> str:
    encoded = name.encode()
    if len(encoded) <= _LONGEST_NAME:
        return name
    return f"{encoded[: _LONGEST_NAME - 9].decode(errors='ignore')}~{_mark(name)}"


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
