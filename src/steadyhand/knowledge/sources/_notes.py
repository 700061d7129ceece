"""What is remembered of a page from one crawl to the next."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Self

from steadyhand.knowledge.sources._addresses import authority
from steadyhand.knowledge.sources._pages import Says
from steadyhand.types.json import Json, JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """`links`, all of the page's own host, lead on when it is not sent again.

    `etag` and `modified` are as the server wrote them.
    """

    url: str = ""
    etag: str = ""
    modified: str = ""
    fetched_at: str = ""
    canonical: str = ""
    links: tuple[str, ...] = ()
    is_listed: bool = True

    @classmethod
    def of(cls, url: str, headers: Mapping[str, str], said: Says, now: datetime) -> Self:
        return cls(
            url=url,
            etag=headers.get("etag", ""),
            modified=headers.get("last-modified", ""),
            fetched_at=now.isoformat(timespec="seconds"),
            canonical=said.canonical,
            links=tuple(link for link in said.links if authority(link) == authority(url)),
            is_listed=said.is_listed,
        )

    @classmethod
    def read(cls, written: JsonObject) -> Self:
        """What `written` wrote; something else counts as nothing."""

        def text(name: str) -> str:
            value = written.get(name)
            return value if isinstance(value, str) else ""

        links, place = written.get("links"), _place(text("url"))
        found = [f"{place}{link}" for link in links if isinstance(link, str)] if isinstance(links, list) else []
        return cls(
            url=text("url"),
            etag=text("etag"),
            modified=text("modified"),
            fetched_at=text("fetched_at"),
            canonical=text("canonical"),
            links=tuple(found),
        )

    def written(self) -> JsonObject:
        """As JSON; links without their host, for there are many."""
        texts = {name: value for name in _TEXTS if (value := getattr(self, name))}
        links: list[Json] = ["/" + link.split("/", 3)[3] for link in self.links]
        return {**texts, "links": links}

    def conditions(self, address: str) -> dict[str, str]:
        """Headers that ask for the page only if it is another now."""
        if address != self.url:
            return {}
        named = {"if-none-match": self.etag, "if-modified-since": self.modified}
        return {name: value for name, value in named.items() if value}

    def metadata(self) -> dict[str, Json]:
        found: dict[str, Json] = {"url": self.url}
        if self.fetched_at:
            found["fetched_at"] = self.fetched_at
        if self.modified:
            with contextlib.suppress(ValueError):
                found["last_modified"] = parsedate_to_datetime(self.modified).isoformat()
        return found


_TEXTS = ("url", "etag", "modified", "fetched_at", "canonical")


def _place(url: str) -> str:
    """Scheme and host."""
    return "/".join(url.split("/", 3)[:3])
