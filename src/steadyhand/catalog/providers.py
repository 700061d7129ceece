"""The providers of a workspace: the rows of `providers.toml`, changed and extended by its settings."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache
from importlib.resources import files
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import msgspec

from steadyhand import plugins
from steadyhand.errors import WorkspaceInvalid
from steadyhand.settings import ProviderSettings
from steadyhand.types.model import Place, Prefill, Provider
from steadyhand.types.text import DataClass


class _Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One table of `providers.toml`. The defaults are those of a third party nothing is known about."""

    dialect: str = "openai"
    base_url: str = ""
    hosts: tuple[str, ...] = ()
    key_variable: str = ""
    key_header: str = ""
    place: Place = "other"
    clearance: DataClass = "internal"
    also: tuple[str, ...] = ()
    prefill: Prefill = "none"
    example: str = ""


_NOT_OF_A_PROVIDER = ("hosts", "example")

_BLANK = re.compile(r"\\\{[a-z]+\\\}")  # a name to fill in, in a pattern
_LABEL = "[a-z0-9-]+"  # what may stand for it: one part of a host's name


@cache
def shipped() -> Mapping[str, Provider]:
    """The providers that need no settings, in the order of `providers.toml`."""
    return {name: Provider(name=name, **_fields(row)) for name, row in _rows().items()}


def example(name: str) -> str:
    """A model to try a shipped provider with, as its vendor calls it."""
    return _rows()[name].example


def providers(overrides: Mapping[str, ProviderSettings]) -> dict[str, Provider]:
    """Every provider by name. `overrides` are the `[providers.NAME]` tables of the workspace.

    A table changes the shipped row of its name field by field, or adds a provider: then `base_url` is needed and
    the dialect is `openai` unless said. A table that says `place = "local"` may see every data class, one that
    names another place up to `internal`, unless its `clearance` says more or less. `{region}` in an address becomes
    the table's region. Raises `WorkspaceInvalid`, also where a vendor's key would be sent to another's host.
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


@cache
def _rows() -> Mapping[str, _Row]:
    text = files("steadyhand.catalog").joinpath("providers.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, _Row])


def _fields(row: _Row) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(row).items() if name not in _NOT_OF_A_PROVIDER}


def _changed(name: str, said: dict[str, Any]) -> Provider:
    row = shipped().get(name)
    if row is not None and not row.base_url:
        raise _invalid(name, "a name that is not built in", name, "call the provider something else")
    if "place" in said and "clearance" not in said:
        said["clearance"] = "restricted" if said["place"] == "local" else "internal"
    said |= {field: tuple(value) for field, value in said.items() if isinstance(value, list)}
    if {"key_file", "key_command"} & said.keys():
        said.setdefault("key_variable", "")  # its key is elsewhere now
    before = asdict(row) if row else {"name": name, **_fields(_Row())}
    provider = Provider(**{**before, **said})
    if provider.region:
        provider = replace(provider, base_url=provider.base_url.replace("{region}", provider.region))
    _check(provider, is_place_said="place" in said)
    _check_key(provider)
    return provider


def _check(provider: Provider, *, is_place_said: bool) -> None:
    """Refuse an address that cannot work, or moves "local" off this machine unsaid."""
    name, url = provider.name, provider.base_url
    if not (url.isascii() and url.isprintable()) or " " in url or "\\" in url:  # readers differ in what they drop
        raise _invalid(name, "a base_url of printable ASCII", url, "write an international name as xn--…")
    try:
        address = urlsplit(url)
        is_good = address.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        raise _invalid(name, "base_url = http(s)://HOST:PORT/PATH", url, "check the brackets and the port")
    if "@" in address.netloc:
        hint = "keep keys in the variable that key_variable names"
        raise _invalid(name, "a base_url without a password", f"one for {address.hostname}", hint)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise _invalid(name, "base_url = http(s)://HOST/PATH", url, "add base_url to the table")
    if address.query or address.fragment:
        raise _invalid(name, "a base_url that ends with its path", url, "remove what follows the path")
    known = plugins.names("providers.dialects")
    for dialect in (provider.dialect, *provider.also):
        if dialect not in known:
            raise _invalid(name, "a dialect", dialect, f"there are: {', '.join(known)}")
    if provider.place == "local" and not is_place_said and not is_loopback(url):
        hint = 'say place = "local" when the machine is yours, else "eu", "us" or "other"'
        raise _invalid(name, "a place for an address outside this machine", url, hint)


def _check_key(provider: Provider) -> None:
    """Refuse to send a key where others can read it, or a vendor's key to a host that is not the vendor's."""
    name, url = provider.name, provider.base_url
    if not provider.needs_key or is_loopback(url):
        return
    if urlsplit(url).scheme == "http" and provider.place != "local":
        raise _invalid(name, "https, so that the key is not readable on the way", url, "use https")
    host, variable = urlsplit(url).hostname or "", provider.key_variable
    for owner, row in _rows().items():
        if variable and row.key_variable == variable and not _is_home(row, host):
            hint = "name a key of its own in key_variable, key_file or key_command"
            raise _invalid(name, f"a host of {owner} for the key in {variable}", url, hint)


def _is_home(row: _Row, host: str) -> bool:
    """Is this one of the vendor's own hosts? A name to fill in stands for one part of the host's name."""
    own = (urlsplit(row.base_url).hostname or "", *row.hosts)
    patterns = (_BLANK.sub(lambda _: _LABEL, re.escape(each)) for each in own)
    return host in own or any(re.fullmatch(pattern, host) for pattern in patterns)


def _invalid(name: str, expected: str, found: str, hint: str) -> WorkspaceInvalid:
    return WorkspaceInvalid(f"providers.{name}: expected {expected}; found {found!r}", hint=hint)
