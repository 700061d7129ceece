"""The value of a feature flag. Where flags come from is a setting; without one every flag has its default."""

import importlib
from typing import Protocol, cast

from steadyhand import plugins
from steadyhand.errors import WorkspaceInvalid
from steadyhand.settings import FlagSettings

_SOURCE = "openfeature"


class Flags(Protocol):
    """The text that flag `name` has for a caller; `default` when nothing says so. Never raises."""

    async def __call__(self, name: str, default: str, *, caller: str, feature: str) -> str: ...


class Source(Protocol):
    """A module of `flag_sources/`: a library that flags can be read with, imported only when it is configured."""

    def open(self, provider: object) -> Flags: ...


async def unset(name: str, default: str, *, caller: str, feature: str) -> str:
    """Flags where none are configured."""
    del name, caller, feature
    return default


def open_flags(settings: FlagSettings) -> Flags:
    """The configured flags. Raises `WorkspaceInvalid` when their provider cannot be made."""
    if not settings.provider:
        return unset
    try:
        source = cast("Source", plugins.load("routing.flag_sources", _SOURCE))
    except ImportError:
        raise WorkspaceInvalid(
            "[flags] provider: expected the OpenFeature SDK; it is not installed",
            hint="pip install 'steadyhand[flags]'",
        ) from None
    return source.open(_provider(settings))


def _provider(settings: FlagSettings) -> object:
    module, _, name = settings.provider.partition(":")
    try:
        return getattr(importlib.import_module(module), name)(**settings.options)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise WorkspaceInvalid(
            f"[flags] provider: expected package.module:Class that takes the options; found {settings.provider!r}:"
            f" {error}",
            hint="install its package or put it into PYTHONPATH; [flags] options are the arguments of the class",
        ) from None
