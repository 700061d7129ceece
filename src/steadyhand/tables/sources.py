"""Where the documents of a knowledge base come from, as `steadyhand.toml` says it."""

import re
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

EVERY = r"^([1-9]\d{0,3}[mhd])?$"
"""How often, such as 15m, 6h or 1d; empty for by hand."""

ROWS = "rows"
"""The folder of a query's rows that has no other name."""

Label = Annotated[str, Field(min_length=1)]
"""Whoever holds it may see the document."""

_SECONDS = {"m": 60, "h": 3_600, "d": 86_400}
_KINDS = ("path", "url", "database", "database_variable")
_ONLY_OF = {
    "url": {"depth", "max_pages"},
    "database": {"name", "table", "query", "key", "template", "title", "changed"},
}
_WEB = ("http://", "https://")
_WEB_ADDRESS = re.compile(r"https?://[^/@\s?#]+(?:[/?#]\S*)?\Z")


class SourceSettings(BaseModel):
    """Where documents come from: exactly one of `path`, `url`, `database` and `database_variable`.

    A plain text stands for `{ path = "…" }`, or for `{ url = "…" }` when it begins with http:// or https://.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field("", description="A folder or a file.")
    url: str = Field("", description="A web page; what it leads to on the same host is read, too.")
    database: str = Field("", description="SQLAlchemy URL of a database; needs `steadyhand[database]`.", repr=False)
    database_variable: str = Field("", description="Environment variable that holds the URL of a database.")
    access: list[Label] | None = Field(None, description="Labels of its documents; default: the base's.")
    every: str = Field("", pattern=EVERY, description="How often it is looked at: 15m, 6h, 1d. Empty: by hand.")
    include: list[str] = Field(default_factory=list, description="Patterns of paths that are read; default: all.")
    exclude: list[str] = Field(default_factory=list, description="Patterns of paths that are left out.")
    depth: int = Field(5, ge=0, le=100, description="Links to follow from a web page, one behind the other.")
    max_pages: int = Field(1000, ge=1, le=100_000, description="The most pages of a web site.")
    name: str = Field("", description="Folder of a database's rows in the base; default: the table, or `rows`.")
    table: str = Field("", description="Table whose rows are documents, as TABLE or SCHEMA.TABLE.")
    query: str = Field("", description="SQL whose rows are documents, instead of a table.")
    key: str = Field("", description="Column that names a row; needed.")
    template: str = Field("", description="Jinja text of a row as Markdown; default: `column: value` lines.")
    title: str = Field("", description="Jinja text of a row's title.")
    changed: str = Field("", description="Column that changes with a row; default: all its columns.")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, written: object) -> object:
        if not isinstance(written, str):
            return written
        if "://" not in written:
            return {"path": written}
        if not written.startswith(_WEB):
            raise ValueError(
                "expected a folder, a file or a web address; a database is a table with the key database"
            )
        return {"url": written}

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        """Messages show no value: one that is at the wrong key may be a password."""
        kinds = [name for name in _KINDS if getattr(self, name)]
        if len(kinds) != 1:
            raise ValueError(f"expected one of {', '.join(_KINDS)}; found {' and '.join(kinds) or 'none'}")
        kind = kinds[0].partition("_")[0]
        for other, keys in _ONLY_OF.items():
            if other != kind and (extra := sorted(self.model_fields_set & keys)):
                raise ValueError(f"{extra[0]} is for a {other}; expected it without, found it beside {kinds[0]}")
        if kind == "database":
            self._require_rows()
        if kind == "url" and not _WEB_ADDRESS.match(self.url):
            raise ValueError("expected url to be http://HOST/PATH or https://HOST/PATH, without a user")
        return self

    def _require_rows(self) -> None:
        if bool(self.table) == bool(self.query):
            raise ValueError(f"expected one of table and query; found {'both' if self.table else 'none'}")
        if not self.key:
            raise ValueError("expected key, the column that names a row; found none")
        if self.include or self.exclude:
            raise ValueError("include and exclude are for files and pages; the query chooses rows")

    @property
    def place(self) -> str:
        """What tells it from the base's other sources, without secrets."""
        return self.path or self.url or f"{self.name or self.table or ROWS} of a database"

    @property
    def every_s(self) -> int:
        """Seconds from one look to the next; 0: by hand."""
        return int(self.every[:-1]) * _SECONDS[self.every[-1]] if self.every else 0
