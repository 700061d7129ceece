"""Feature flags come from any OpenFeature provider; without one every flag has its default."""

import time

import pytest
from openfeature.flag_evaluation import FlagResolutionDetails
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

from steadyhand.errors import WorkspaceInvalid
from steadyhand.routing import flags
from steadyhand.routing.flag_sources import openfeature
from steadyhand.settings import FlagSettings


class Staged(InMemoryProvider):
    """What `[flags] provider` names: a provider that is made with the options."""

    def __init__(self, model: str) -> None:
        super().__init__({"answer-model": InMemoryFlag("on", {"on": model})})


def settings(provider: str, **options: str) -> FlagSettings:
    return FlagSettings(provider=provider, options=options)


async def test_without_a_provider_every_flag_has_its_default() -> None:
    asked = flags.open_flags(settings(""))
    assert await asked("answer-model", "cloud:large", caller="ann", feature="answers") == "cloud:large"


async def test_the_configured_provider_is_made_with_its_options_and_asked() -> None:
    asked = flags.open_flags(settings(f"{__name__}:Staged", model="cloud:small"))
    assert await asked("answer-model", "", caller="ann", feature="answers") == "cloud:small"
    assert await asked("unknown", "cloud:large", caller="ann", feature="answers") == "cloud:large"


async def test_a_provider_decides_by_caller_and_feature() -> None:
    def pilots(flag: InMemoryFlag[str], context: object) -> FlagResolutionDetails[str]:
        is_pilot = context.targeting_key == "ann" and context.attributes["feature"] == "answers"  # type: ignore[attr-defined]
        return FlagResolutionDetails("cloud:small" if is_pilot else "cloud:large")

    provider = InMemoryProvider({"answer-model": InMemoryFlag("x", {"x": ""}, context_evaluator=pilots)})
    asked = openfeature.open(provider)
    assert await asked("answer-model", "", caller="ann", feature="answers") == "cloud:small"
    assert await asked("answer-model", "", caller="bob", feature="answers") == "cloud:large"


async def test_a_provider_that_hangs_gives_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(flag: InMemoryFlag[str], context: object) -> FlagResolutionDetails[str]:
        time.sleep(0.3)
        return FlagResolutionDetails("too late")

    monkeypatch.setattr(openfeature, "PATIENCE_S", 0.05)
    asked = openfeature.open(InMemoryProvider({"slow": InMemoryFlag("x", {"x": ""}, context_evaluator=hang)}))
    assert await asked("slow", "cloud:large", caller="ann", feature="answers") == "cloud:large"


@pytest.mark.parametrize(
    ("provider", "options"),
    [
        ("nowhere.at_all:X", {}),
        (f"{__name__}:Missing", {}),
        (f"{__name__}:Staged", {"colour": "red"}),
        ("nocolon", {}),
    ],
)
def test_a_provider_that_cannot_be_made_is_a_fault_of_the_settings(provider: str, options: dict[str, str]) -> None:
    with pytest.raises(WorkspaceInvalid, match=r"\[flags\] provider"):
        flags.open_flags(settings(provider, **options))
