"""What `doctor` says about language models: those that contracts cannot have, and those that they could use."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from steadyhand.cli._examine import Finding
from steadyhand.cli._figures import count
from steadyhand.providers.detect import Detected
from steadyhand.types.model import Provider

Needs = Mapping[str, Sequence[str]]
"""The models that each contract names, by the contract's name."""


class _Fault(NamedTuple):
    what: str
    next: str
    contract: str
    is_grave: bool  # no other model of the contract can serve either


def models(needs: Needs, known: Mapping[str, Provider], detected: Iterable[Detected]) -> list[Finding]:
    """Models that cannot serve the contracts that name them, then providers that could be used, or are.

    `detected` is what was found of the providers in `known`; no other provider needs anything.
    """
    seen = {it.provider: it for it in detected}
    faults = sorted(_faults(needs, known, seen))
    failing = [_together(list(same)) for _, same in groupby(faults, key=itemgetter(0))]
    used = {_provider(model) for named in needs.values() for model in named}
    offers = [_offer(it, it.provider in used) for it in seen.values() if it.reachable or it.key_set]
    if not failing and not offers:
        offer = "start Ollama or LM Studio, or set OPENAI_API_KEY; without one, features answer by local:extractive"
        return [Finding("ok", "no language model connected, none needed", offer)]
    return failing + offers


def _faults(needs: Needs, known: Mapping[str, Provider], seen: Mapping[str, Detected]) -> Iterator[_Fault]:
    for contract, named in needs.items():
        problems = [_problem(model, known[_provider(model)], seen.get(_provider(model))) for model in named]
        for problem in filter(None, problems):
            yield _Fault(*problem, contract, all(problems))


def _problem(model: str, provider: Provider, seen: Detected | None) -> tuple[str, str] | None:
    """What keeps a model from serving, and what to do; None when nothing is known to."""
    if seen is None:
        return None
    if not provider.is_complete:
        return f"{provider.name} has an address to fill in", f"set base_url in [providers.{provider.name}]"
    if provider.needs_key and not seen.key_set:
        return _keyless(provider)
    if provider.place != "local":
        return None
    return _unserved(model, provider, seen)


def _unserved(model: str, provider: Provider, seen: Detected) -> tuple[str, str] | None:
    """Why a local server cannot serve a model."""
    if not seen.reachable:
        return f"{provider.name} does not answer at {provider.base_url}", f"start {provider.name} there"
    name = model.partition(":")[2]
    if {name, f"{name}:latest"} & set(seen.models):
        return None
    has = ", ".join(seen.models[:5]) or "none"
    return f"{provider.name} has no model {name!r}", f"load it in {provider.name}, which has {has}"


def _keyless(provider: Provider) -> tuple[str, str]:
    """Where the key of a provider should be, and how it comes there."""
    if provider.key_command:
        shown = shlex.join(provider.key_command)
        return f"{provider.name} gets no key from its key_command", f"try it: {shown}"
    if provider.key_file:
        return f"{provider.name} has no key in {provider.key_file}", "write the key into this file"
    return f"{provider.name} has no key in {provider.key_variable}", f"export {provider.key_variable}=..."


def _together(faults: Sequence[_Fault]) -> Finding:
    """One fault with every contract that suffers from it."""
    contracts = sorted({fault.contract for fault in faults})
    need = "needs it" if len(contracts) == 1 else "need it"
    is_grave = any(fault.is_grave for fault in faults)
    others = "" if is_grave else "; meanwhile another model serves"
    what = f"{faults[0].what}; {', '.join(contracts)} {need}{others}"
    return Finding("fail" if is_grave else "warn", what, faults[0].next)


def _offer(found: Detected, is_used: bool) -> Finding:
    what = f"{found.provider} " + (_serves(found.models) if found.reachable else "key is set")
    return Finding("ok", what, "" if is_used else f"to use it, in a contract: {found.hint}")


def _serves(names: tuple[str, ...]) -> str:
    return f"answers with {count(len(names), 'model')}: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}"


def _provider(model: str) -> str:
    return model.partition(":")[0]
