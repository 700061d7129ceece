"""The settings of a workspace: `steadyhand.toml`, then `STEADYHAND_*` variables on top. Read once at start.

The only reader of the environment. A nested field is set by two underscores, for example
`STEADYHAND_SERVER__PORT=9000`.
"""

import os
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from steadyhand.errors import NotFound, WorkspaceInvalid
from steadyhand.types.model import Place
from steadyhand.types.text import DataClass

FILE = "steadyhand.toml"

Precision = Literal["fp32", "int8"]
"""Of the numbers that a local embedder computes with."""


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
    place: Place | None = Field(None, description="Where the models run.")
    clearance: DataClass | None = Field(None, description="The highest data class this provider may see.")


class KnowledgeSettings(_Table):
    """A knowledge base."""

    sources: list[str] = Field(default_factory=list, description="Folders or files; default `knowledge/<name>`.")
    data_class: DataClass = Field("internal", description="How far its texts may travel.")


class EmbedderSettings(_Table):
    name: str = Field("minilm", description="A file of `knowledge/embedders/`.")
    precision: Precision = Field("fp32", description="int8 is about twice as fast; vectors do not mix.")
    threads: int = Field(0, ge=0, description="Threads for one embedding call; 0 takes the number of cores.")


class Settings(BaseSettings):
    """One typed tree. Every field has a default that works on a laptop."""

    model_config = SettingsConfigDict(
        env_prefix="STEADYHAND_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    root: Path = Field(default=Path(), description="The workspace's folder.", exclude=True)
    name: str = Field("", description="What the console calls the workspace.")
    database_url: str = Field("", description="A PostgreSQL >= 15 with pgvector; empty runs the embedded server.")
    database_dir: Path | None = Field(None, description="Where the embedded server keeps its data.")
    models_dir: Path | None = Field(None, description="Where local models lie; default: the user's cache folder.")
    server: ServerSettings = Field(default_factory=ServerSettings)
    embedder: EmbedderSettings = Field(default_factory=EmbedderSettings)
    knowledge: dict[str, KnowledgeSettings] = Field(default_factory=dict)
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)

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


def read(root: Path) -> Settings:
    """The settings of the workspace in `root`. Raises `NotFound` or `WorkspaceInvalid` with every problem."""
    path = root / FILE
    if not path.is_file():
        raise NotFound(
            f"expected a workspace with {FILE} in {root}; found none", hint="steadyhand init DIR makes one"
        )
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
        return Settings(**{**written, "root": root.resolve()})
    except tomllib.TOMLDecodeError as error:
        raise WorkspaceInvalid(f"{path}: {error}", hint="fix the TOML") from None
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise WorkspaceInvalid(
            f"{path}: {problems}", hint="docs/reference/settings.md lists every setting"
        ) from None


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
