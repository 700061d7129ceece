"""The settings of a workspace: `steadyhand.toml`, then `STEADYHAND_*` variables on top. Read once at start.

The only reader of the environment. A nested field is set by two underscores, for example
`STEADYHAND_SERVER__PORT=9000`.
"""

import logging
import os
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from steadyhand.errors import NotFound, WorkspaceInvalid
from steadyhand.hints import did_you_mean, excerpt
from steadyhand.tables import faults, lines, sources, stores
from steadyhand.tables.lines import KeyPath
from steadyhand.tables.sources import Label, SourceSettings
from steadyhand.tables.stores import StoreSettings
from steadyhand.types.labels import EVERYONE
from steadyhand.types.model import Capability, Order, Place, Prefill, Size
from steadyhand.types.text import DataClass

_log = logging.getLogger(__name__)

FILE = "steadyhand.toml"
_PREFIX = "STEADYHAND_"
_OTHER_VARIABLES = ("STEADYHAND_WORKSPACE", "STEADYHAND_DEBUG")

_HOST = r"^(\[[0-9A-Fa-f:.]+\]|[^\s/:@\[\]]+)(:\d{1,5})?$"
_FORMS = {sources.EVERY: "a time such as 15m, 6h or 1d", _HOST: "a host, or HOST:PORT"}

Precision = Literal["fp32", "int8"]
"""Of the numbers that a local embedder computes with."""

Pooling = Literal["mean", "cls", "last"]
"""How the vectors of a text's tokens become one: their mean, that of the first, or that of the last."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(_Table):
    host: str = Field("127.0.0.1", description="Address to listen on; loopback unless told otherwise.")
    port: int = Field(8484, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")


class ProviderSettings(_Table):
    """A provider added to, or changed from, the catalogue."""

    dialect: str | None = Field(None, description="Wire dialect: a file of `providers/dialects/`.")
    base_url: str | None = Field(
        None, description="Where the dialect's paths begin, such as http://127.0.0.1:11434/v1."
    )
    key_variable: str | None = Field(None, description="Environment variable that holds the key.")
    key_file: str | None = Field(None, description="File that holds the key.")
    key_command: list[str] | None = Field(
        None, description="Command that prints the key; asked again every 5 minutes."
    )
    key_header: str | None = Field(None, description="Header that carries the key, where the dialect's is not it.")
    also: list[str] | None = Field(None, description="Further dialects spoken at the same address.")
    agreement: str | None = Field(None, description="The data-processing agreement in force with the provider.")
    prefill: Prefill | None = Field(None, description="How an answer that was begun is continued.")
    region: str | None = Field(None, description="Region, where the vendor's address or signature needs one.")
    proxy: str | None = Field(
        None, description="HTTP proxy on the way to the provider, as http://HOST:PORT.", repr=False
    )
    place: Place | None = Field(None, description="Where the models run.")
    clearance: DataClass | None = Field(None, description="The highest data class this provider may see.")


class CatalogSettings(_Table):
    """What the workspace knows better than the catalogue. Prices are US dollars per million tokens."""

    input_usd: Decimal | None = Field(None, ge=0, description="Price of a million input tokens.")
    output_usd: Decimal | None = Field(None, ge=0, description="Price of a million output tokens.")
    cached_usd: Decimal | None = Field(
        None, ge=0, description="Price of a million tokens read from a prompt cache."
    )
    cache_write_usd: Decimal | None = Field(None, ge=0, description="Price of a million written to one.")
    context_tokens: int | None = Field(None, gt=0, description="The most tokens of prompt and answer together.")
    max_output_tokens: int | None = Field(None, gt=0, description="The most tokens of an answer.")
    capabilities: list[Capability] | None = Field(None, description="What the model can do.")
    strengths: list[str] | None = Field(None, description="Tasks it does well, such as `extraction`.")
    size: Size | None = Field(None, description="small, medium or large: what the decision tree goes by.")


class LimitSettings(_Table):
    """At most so much; what is not said is not limited."""

    usd_per_day: Decimal | None = Field(None, gt=0, description="US dollars in a day, UTC.")
    requests_per_minute: int | None = Field(None, gt=0, description="Requests in a minute.")
    tokens_per_minute: int | None = Field(None, gt=0, description="Tokens in and out in a minute.")


class LimitsSettings(_Table):
    workspace: LimitSettings = Field(default_factory=LimitSettings, description="Of everybody together.")
    key: LimitSettings = Field(default_factory=LimitSettings, description="Of a key that says nothing else.")
    user: LimitSettings = Field(default_factory=LimitSettings, description="Of one end user that a client names.")


class GatewayModelSettings(_Table):
    """A name that clients of the gateway call a model by, and who answers to it."""

    try_: list[str] = Field(alias="try", min_length=1, description="Models as provider:name, in this order.")
    order: Order = Field("listed", description="How allowed models are ordered: see the contract's models.order.")
    weights: dict[str, int] = Field(default_factory=dict, description="Shares of the models, for order = weight.")
    timeout_s: float = Field(600.0, gt=0, description="Seconds for a whole answer.")
    attempt_s: float = Field(120.0, gt=0, description="Seconds for the first byte of one model's answer.")
    hedge_s: float | None = Field(
        None, gt=0, description="Ask a second model after so many seconds; first wins. Not for streams."
    )
    data_class: DataClass | None = Field(None, description="How sensitive its calls are; default: the gateway's.")
    cache_s: float | None = Field(
        None, gt=0, description="Serve the answer of an equal request for so many seconds."
    )


class GatewaySettings(_Table):
    data_class: DataClass = Field("internal", description="How sensitive calls are unless their model says more.")
    guardrails: list[str] = Field(default_factory=lambda: ["secrets"], description="Guardrails that see the input.")
    models: dict[str, GatewayModelSettings] = Field(default_factory=dict, description="Names for clients.")


class FlagSettings(_Table):
    """Where feature flags come from: any OpenFeature provider."""

    provider: str = Field("", description="An OpenFeature provider as package.module:Class; empty for none.")
    options: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Its arguments.", repr=False
    )


class KnowledgeSettings(_Table):
    """A knowledge base."""

    sources: list[SourceSettings] = Field(
        default_factory=list, description="Folders, files, web addresses or tables; default `knowledge/<name>`."
    )
    data_class: DataClass = Field("internal", description="How far its texts may travel.")
    embedder: str = Field("", description="A table of `[embedders]` by name; default: `[embedder]`.")
    vision: str = Field("", description="The model that reads scans and pictures, as provider:name.")
    store: str = Field(
        "", description="A table of `[stores]` that is asked which passages are near; default: PostgreSQL itself."
    )
    access: list[Label] = Field(default_factory=lambda: [EVERYONE], description="Labels of its documents.")
    labels: dict[str, list[Label]] = Field(
        default_factory=dict,
        description="Labels of documents whose path fits a pattern; the last that fits counts.",
    )

    @model_validator(mode="after")
    def _differ(self) -> Self:
        places = [source.place for source in self.sources]
        for place in places:
            if places.count(place) > 1:
                raise ValueError(f"expected sources that differ; {excerpt(place)} is there twice")
        return self


class FetchingSettings(_Table):
    """What may be fetched from addresses that users and web pages name."""

    allow: list[Annotated[str, Field(pattern=_HOST)]] = Field(
        default_factory=list, description="Hosts (or HOST:PORT) that may have a private address, such as a wiki's."
    )


class EmbedderSettings(_Table):
    """What makes vectors of texts. Vectors of two of them are never compared; `threads` alone changes none."""

    name: str = Field("minilm", description="A file of `knowledge/embedders/`, or `provider`.")
    precision: Precision = Field("fp32", description="int8 is about twice as fast; vectors do not mix.")
    threads: int = Field(0, ge=0, description="Threads for one embedding call; 0 takes the number of cores.")
    folder: str = Field("", description="For `onnx`: a folder with model.onnx and tokenizer.json.")
    pooling: Pooling | None = Field(None, description="For `onnx`: default is what the folder says, else mean.")
    max_tokens: int | None = Field(None, ge=8, le=8_192, description="For `onnx`: what is behind is not read.")
    query_prefix: str = Field("", description="For `onnx`: put before questions, such as `query: `.")
    passage_prefix: str = Field("", description="For `onnx`: put before passages, such as `passage: `.")
    model: str = Field("", description="For `provider`: such as openai:text-embedding-3-small.")
    dimensions: int | None = Field(None, ge=8, le=4_000, description="For `provider`: shorter vectors.")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        for name, field in (("onnx", "folder"), ("provider", "model")):
            if self.name == name and not getattr(self, field):
                raise ValueError(f"expected a {field} for the embedder {name!r}; found none")
            if self.name != name and getattr(self, field):
                raise ValueError(f'expected name = "{name}", because there is a {field}; found {self.name!r}')
        return self


class Settings(BaseSettings):
    """One typed tree. Every field has a default that works on a laptop."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    root: Path = Field(default=Path(), description="The workspace's folder.", exclude=True)
    name: str = Field("", description="What the console calls the workspace.")
    database_url: str = Field(
        "", description="A PostgreSQL >= 15 with pgvector; empty runs the embedded server.", repr=False
    )
    database_dir: Path | None = Field(None, description="Where the embedded server keeps its data.")
    models_dir: Path | None = Field(None, description="Where local models lie; default: the user's cache folder.")
    server: ServerSettings = Field(default_factory=ServerSettings)
    embedder: EmbedderSettings = Field(default_factory=EmbedderSettings)
    embedders: dict[str, EmbedderSettings] = Field(default_factory=dict)
    stores: dict[str, StoreSettings] = Field(default_factory=dict)
    knowledge: dict[str, KnowledgeSettings] = Field(default_factory=dict)
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    catalog: dict[str, CatalogSettings] = Field(default_factory=dict)
    gateway: GatewaySettings = Field(default_factory=GatewaySettings)
    limits: LimitsSettings = Field(default_factory=LimitsSettings)
    flags: FlagSettings = Field(default_factory=FlagSettings)
    fetching: FetchingSettings = Field(default_factory=FetchingSettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment goes before the file, whose content is the arguments."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @property
    def models_folder(self) -> Path:
        """Local models are shared by all workspaces of a user."""
        return self.models_dir or cache_folder() / "models"

    def embedder_of(self, base: str) -> EmbedderSettings:
        """What new vectors of a knowledge base are made by."""
        name = self.knowledge[base].embedder if base in self.knowledge else ""
        return self.embedders[name] if name else self.embedder


def read(root: Path) -> Settings:
    """The settings of the workspace in `root`. Raises `NotFound` or `WorkspaceInvalid` with every problem."""
    path = root / FILE
    if not path.is_file():
        raise NotFound(
            f"expected a workspace with {FILE} in {root}; found none", hint="steadyhand init DIR makes one"
        )
    try:
        text = path.read_text(encoding="utf-8")
        written = tomllib.loads(text)
    except UnicodeDecodeError:
        raise WorkspaceInvalid(
            f"{path}: expected UTF-8; found other bytes", hint="save the file as UTF-8"
        ) from None
    except tomllib.TOMLDecodeError as error:
        line, message = faults.syntax(error, text)
        raise WorkspaceInvalid(f"{path}:{line}: {message}", hint="fix the TOML") from None
    return _validated({**written, "root": root.resolve()}, path, lines.locate(text))


def defaults() -> Settings:
    """The settings where there is no workspace: the environment's. Raises `WorkspaceInvalid`."""
    return _validated({}, Path(FILE), {})


def _validated(written: dict[str, Any], path: Path, places: Mapping[KeyPath, int]) -> Settings:
    try:
        found = Settings(**written)
    except ValidationError as error:
        problems = [_problem(fault, path, places) for fault in error.errors(include_url=False)]
        raise WorkspaceInvalid("\n".join(problems), hint="docs/reference/settings.md lists every setting") from None
    except SettingsError:
        raise WorkspaceInvalid(
            f"{', '.join(_not_json())}: expected JSON", hint=f"or set one field: {_PREFIX}SERVER__PORT=9000"
        ) from None
    _require_postgresql(found.database_url)
    _require_embedders(found)
    for base, table in found.knowledge.items():
        stores.require(base, table.store, table.data_class, found.stores)
    keys = {provider.key_variable for provider in found.providers.values()}
    keys |= {store.key_variable for store in found.stores.values()}
    for variable in _unknown_variables():
        if variable not in keys:
            _warn_of(variable)
    return found


def _require_postgresql(url: str) -> None:
    """Raise `WorkspaceInvalid` for an address of another database; it may hold a password and is not shown."""
    scheme, _, _ = url.partition("://")
    if url and scheme not in ("postgresql", "postgres"):
        shown = scheme if scheme.isalnum() else "another beginning"
        raise WorkspaceInvalid(
            f"database_url: expected postgresql://USER@HOST/DATABASE; found {shown}",
            hint="PostgreSQL is the only database; without database_url the embedded server runs",
        )


def _require_embedders(found: Settings) -> None:
    """Raise `WorkspaceInvalid` for a base whose embedder has no table."""
    for base, table in found.knowledge.items():
        if table.embedder and table.embedder not in found.embedders:
            raise WorkspaceInvalid(
                f"knowledge.{base}.embedder: expected a table of [embedders]; found {table.embedder!r}",
                hint=did_you_mean(table.embedder, found.embedders) or f"add [embedders.{table.embedder}]",
            )


def _problem(fault: ErrorDetails, path: Path, places: Mapping[KeyPath, int]) -> str:
    """The fault with its variable, when the environment set it, else with its file and line."""
    loc = fault["loc"]
    message, hint = faults.explain(fault, ".".join(map(str, loc)), Settings.model_json_schema(), _FORMS)
    variable = _variable_of(loc, is_written=loc in places)
    place = variable or f"{path}:{lines.nearest(places, loc)}"
    return f"{place}: {message}." + (f" hint: {hint}" if hint else "")


def _variable_of(loc: KeyPath, is_written: bool) -> str:
    """The variable that set a field, by itself or as a part of a JSON object; "" when the file did."""
    for depth in range(len(loc), 0, -1):
        name = (_PREFIX + "__".join(map(str, loc[:depth]))).upper()
        for variable in os.environ:
            if variable.upper() == name:
                return variable
        if is_written:
            return ""
    return ""


def _not_json() -> list[str]:
    """The variables whose field is a table or a list, and whose value is no JSON."""
    return sorted(name for name, value in os.environ.items() if _is_ours(name) and value[:1] not in ("{", "["))


def _unknown_variables() -> list[str]:
    """`STEADYHAND_*` variables that set nothing."""
    known = set(Settings.model_fields) - {"root"}
    return [
        name
        for name in os.environ
        if _is_ours(name) and name.upper().removeprefix(_PREFIX).partition("__")[0].lower() not in known
    ]


def _is_ours(name: str) -> bool:
    return name.upper().startswith(_PREFIX) and name not in _OTHER_VARIABLES


@cache
def _warn_of(variable: str) -> None:
    """Once in a process. Not refused: other programs may set such names, as Kubernetes does for a service."""
    names = [f"{_PREFIX}{field.upper()}" for field in Settings.model_fields if field != "root"]
    hint = did_you_mean(variable, [*names, *_OTHER_VARIABLES])
    _log.warning("%s sets nothing; there is no such setting. %s", variable, hint)


def secret(variable: str) -> str:
    """A key from the environment, "" when it is not set. Never log what this returns."""
    return os.environ.get(variable, "").strip()


def cache_folder() -> Path:
    """Where things that can be fetched again are kept: `$XDG_CACHE_HOME/steadyhand`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "steadyhand"


def find_root(start: Path) -> Path:
    """The workspace that `start` lies in: the nearest folder upwards with a `steadyhand.toml`, else `start`.

    `STEADYHAND_WORKSPACE` names one for every command.
    """
    named = os.environ.get("STEADYHAND_WORKSPACE")
    if named:
        return Path(named)
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / FILE).is_file():
            return folder
    return start
