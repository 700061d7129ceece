"""The providers of a workspace: the rows of `providers.toml`, changed and extended by its settings."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import msgspec

from steadyhand import plugins
from steadyhand.errors import WorkspaceInvalid
from steadyhand.settings import ProviderSettings
from steadyhand.types.model import Place, Provider
from steadyhand.types.text import DataClass


class _Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One table of `providers.toml`. The defaults are those of a third party nothing is known about."""

    dialect: str = "openai"
    base_url: str = ""
    key_variable: str = ""
    place: Place = "other"
    clearance: DataClass = "internal"


@cache
def shipped() -> Mapping[str, Provider]:
    """The providers that need no settings, in the order of `providers.toml`."""
    text = files("steadyhand.catalog").joinpath("providers.toml").read_text("utf-8")
    rows = msgspec.convert(tomllib.loads(text), dict[str, _Row])
    return {name: Provider(name=name, **msgspec.structs.asdict(row)) for name, row in rows.items()}


def providers(overrides: Mapping[str, ProviderSettings]) -> dict[str, Provider]:
    """Every provider by name. `overrides` are the `[providers.NAME]` tables of the workspace.

    A table changes the shipped row of its name field by field, or adds a provider: then `base_url` is needed and
    the dialect is `openai` unless said. A table that says `place = "local"` may see every data class, one that
    names another place up to `internal`, unless its `clearance` says more or less. Raises `WorkspaceInvalid`.
    """
    changed = {name: _changed(name, table.model_dump(exclude_none=True)) for name, table in overrides.items()}
    return {**shipped(), **changed}


def is_loopback(base_url: str) -> bool:
    """Does the address lead to this machine and nowhere else?"""
    host = urlsplit(base_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _changed(name: str, said: dict[str, Any]) -> Provider:
    row = shipped().get(name)
    if row is not None and not row.base_url:
        raise _invalid(name, "a name that is not built in", name, "call the provider something else")
    if "place" in said and "clearance" not in said:
        said["clearance"] = "restricted" if said["place"] == "local" else "internal"
    before = asdict(row) if row else {"name": name, **msgspec.structs.asdict(_Row())}
    provider = Provider(**{**before, **said})
    _check(provider, is_place_said="place" in said)
    return provider


def _check(provider: Provider, *, is_place_said: bool) -> None:
    """Refuse an address that cannot work, gives a key away, or moves "local" off this machine unsaid."""
    name, url = provider.name, provider.base_url
    address = urlsplit(url)
    if "@" in address.netloc:
        hint = "keep keys in the variable that key_variable names"
        raise _invalid(name, "a base_url without a password", f"one for {address.hostname}", hint)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise _invalid(name, "base_url = http(s)://HOST/PATH", url, "add base_url to the table")
    if address.query or address.fragment:
        raise _invalid(name, "a base_url that ends with its path", url, "remove what follows the path")
    if provider.dialect not in plugins.names("providers.dialects"):
        known = ", ".join(plugins.names("providers.dialects"))
        raise _invalid(name, "a dialect", provider.dialect, f"there are: {known}")
    if is_loopback(url):
        return
    if provider.place == "local" and not is_place_said:
        hint = 'say place = "local" when the machine is yours, else "eu", "us" or "other"'
        raise _invalid(name, "a place for an address outside this machine", url, hint)
    if provider.key_variable and address.scheme == "http" and provider.place != "local":
        raise _invalid(name, "https, so that the key is not readable on the way", url, "use https")


def _invalid(name: str, expected: str, found: str, hint: str) -> WorkspaceInvalid:
    return WorkspaceInvalid(f"providers.{name}: expected {expected}; found {found!r}", hint=hint)
