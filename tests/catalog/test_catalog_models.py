"""The catalogue: which models exist, where they run, who may see what, and what is known of their price."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from steadyhand.catalog.models import Catalog
from steadyhand.catalog.providers import providers, shipped
from steadyhand.errors import WorkspaceInvalid, did_you_mean
from steadyhand.settings import ProviderSettings
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Model

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def catalog(now: datetime = NOON, **tables: ProviderSettings) -> Catalog:
    return Catalog(providers(tables), now=lambda: now)


def found(model: str, within: Catalog | None = None) -> Model:
    entry = (within or catalog()).find(ModelId(model))
    assert entry is not None, f"{model} is not in the catalogue"
    return entry


def test_a_cloud_model_carries_its_published_price_and_where_it_was_read() -> None:
    price = found("openai:gpt-4o-mini").price
    assert price is not None
    assert (price.rates.input, price.rates.output, price.rates.cached) == (
        Decimal("0.15"),
        Decimal("0.6"),
        Decimal("0.075"),
    )
    assert price.source.startswith("genai-prices ")


def test_a_cached_token_costs_the_full_price_where_no_discount_is_published() -> None:
    price = found("groq:deepseek-r1-distill-llama-70b").price
    assert price is not None
    assert price.rates.cached == price.rates.input


def test_a_price_that_depends_on_the_hour_is_read_for_that_hour() -> None:
    night = catalog(NOON.replace(hour=20))
    assert found("deepseek:deepseek-chat", night).price != found("deepseek:deepseek-chat").price


def test_a_price_with_tiers_says_how_far_the_first_one_reaches() -> None:
    price = found("openai:gpt-5.5").price
    assert price is not None
    assert "prompts up to 272000 tokens" in price.source


@pytest.mark.parametrize(
    "model", ["openai:gpt-4o-mni", "local:extractiv", "nowhere:gpt-4o", "openai", "openai:", ""]
)
def test_a_name_nobody_publishes_is_not_in_the_catalogue(model: str) -> None:
    assert catalog().find(ModelId(model)) is None


def test_an_unknown_name_finds_the_one_that_was_meant() -> None:
    known = catalog().ids()
    assert did_you_mean("openai:gpt-4o-mni", known) == 'did you mean "openai:gpt-4o-mini"?'
    assert did_you_mean("local:extractiv", known) == 'did you mean "local:extractive"?'
    assert did_you_mean("§", known) == ""


@pytest.mark.parametrize("server", ["ollama", "lmstudio", "vllm", "llamacpp"])
def test_a_local_server_serves_any_name_for_nothing_and_may_see_everything(server: str) -> None:
    model = found(f"{server}:some-model:8b")
    assert model.name == "some-model:8b"
    assert model.price is not None
    assert (model.price.rates.input, model.price.source) == (Decimal(0), "local")
    assert (model.provider.place, model.provider.clearance) == ("local", "restricted")


def test_a_model_that_a_local_server_passes_on_to_its_vendor_is_not_local() -> None:
    model = found("ollama:gpt-oss:120b-cloud")
    assert (model.provider.place, model.provider.clearance, model.price) == ("other", "internal", None)


def test_a_short_name_stands_for_the_model_it_means() -> None:
    model = found("mistral:small")
    assert (model.id, model.name) == ("mistral:small", "mistral-small-latest")
    assert model.price == found("mistral:mistral-small-latest").price


def test_a_third_party_sees_internal_texts_at_most_until_the_workspace_says_more() -> None:
    thirds = [provider for provider in shipped().values() if provider.place != "local"]
    assert {provider.clearance for provider in thirds} == {"internal"}
    raised = providers({"openai": ProviderSettings(clearance="confidential")})["openai"]
    assert (raised.clearance, raised.base_url) == ("confidential", "https://api.openai.com/v1")


def test_a_provider_of_the_workspace_serves_any_name_at_an_unknown_price() -> None:
    own = catalog(acme=ProviderSettings(base_url="https://models.acme.example/v1", key_variable="ACME_KEY"))
    model = found("acme:anything", own)
    assert (model.provider.dialect, model.provider.place, model.provider.clearance) == (
        "openai",
        "other",
        "internal",
    )
    assert model.price is None


def test_a_provider_behind_another_address_has_no_list_price() -> None:
    moved = catalog(openai=ProviderSettings(base_url="https://proxy.example/v1"))
    assert found("openai:gpt-4o-mini", moved).price is None


@pytest.mark.parametrize(
    ("name", "table", "expected"),
    [
        ("acme", ProviderSettings(), "base_url"),
        ("acme", ProviderSettings(base_url="ftp://acme.example"), "base_url"),
        ("acme", ProviderSettings(base_url="https://me:secret@acme.example/v1"), "without a password"),
        ("acme", ProviderSettings(base_url="https://acme.example/v1?key=1"), "ends with its path"),
        ("openai", ProviderSettings(base_url="http://proxy.example/v1"), "https"),
        ("ollama", ProviderSettings(base_url="http://gpu.example:11434/v1"), "a place"),
        ("acme", ProviderSettings(base_url="https://acme.example", dialect="local"), "a dialect"),
        ("local", ProviderSettings(base_url="http://127.0.0.1:1/v1"), "not built in"),
    ],
)
def test_a_table_that_would_leak_or_not_work_is_refused(name: str, table: ProviderSettings, expected: str) -> None:
    with pytest.raises(WorkspaceInvalid, match=expected) as refused:
        providers({name: table})
    assert refused.value.hint
    assert "secret" not in str(refused.value)


def test_a_server_in_the_house_is_local_when_the_workspace_says_so() -> None:
    table = ProviderSettings(base_url="http://gpu.example:11434/v1", place="local")
    assert providers({"ollama": table})["ollama"].clearance == "restricted"
    elsewhere = ProviderSettings(base_url="https://ollama.example/v1", place="us")
    assert providers({"ollama": elsewhere})["ollama"].clearance == "internal"


def test_every_known_id_is_found() -> None:
    full = catalog()
    missing = [model for model in full.ids() if full.find(model) is None]
    assert missing == []
    assert "local:nearest" in full.ids()
