"""The catalogue: which models exist, where they run, who may see what, and what is known of their price."""

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files

import pytest

from steadyhand.catalog.models import Catalog
from steadyhand.catalog.providers import providers, shipped
from steadyhand.errors import WorkspaceInvalid
from steadyhand.hints import did_you_mean
from steadyhand.settings import CatalogSettings, ProviderSettings
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Model, Price, Rates

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


def test_a_model_that_its_vendor_offers_in_another_dialect_alone_is_not_there() -> None:
    assert [
        model for model in catalog().ids() if model.startswith(("gemini:", "vertex:")) and "claude" in model
    ] == []
    assert catalog().find(ModelId("gemini:claude-sonnet-4-5")) is None
    assert catalog().find(ModelId("vertex:claude-sonnet-4-5")) is None


def test_a_cached_token_costs_the_full_price_where_no_discount_is_published() -> None:
    price = found("groq:deepseek-r1-distill-llama-70b").price
    assert price is not None
    assert price.rates.cached == price.rates.input


def test_a_price_is_read_again_when_it_may_have_changed() -> None:
    instants = iter([NOON, NOON.replace(second=59), NOON.replace(hour=20)])
    moving = Catalog(providers({}), now=lambda: next(instants))
    noon, same, night = (found("deepseek:deepseek-chat", moving) for _ in range(3))
    assert same is noon
    assert night.price != noon.price


def test_an_entry_is_kept_but_not_those_of_every_name_somebody_asks_for() -> None:
    full = catalog()
    first = full.find(ModelId("ollama:mine"))
    assert full.find(ModelId("ollama:mine")) is first
    for number in range(2_000):
        full.find(ModelId(f"ollama:{number}"))
    assert full.find(ModelId("ollama:mine")) == first


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("gpt-4o-mini", "openai:gpt-4o-mini"),
        ("gpt-4o-mini-2024-07-18", "openai:gpt-4o-mini-2024-07-18"),
        ("mistral-small-latest", "mistral:mistral-small-latest"),
        ("deepseek-chat", "deepseek:deepseek-chat"),
        ("claude-sonnet-4-5", "anthropic:claude-sonnet-4-5"),
        ("claude-sonnet-4-5-20250929", "anthropic:claude-sonnet-4-5-20250929"),
        ("claude-3-5-haiku", None),  # of Vertex, and of the Gemini API, which Google's list does not tell apart
        ("gemini-2.5-flash", "gemini:gemini-2.5-flash"),
        ("text-embedding-3-small", "openai:text-embedding-3-small"),
        ("llama-3.3-70b-versatile", "groq:llama-3.3-70b-versatile"),
        ("gpt-4o-mni", None),
        ("", None),
    ],
)
def test_a_bare_name_means_the_model_of_the_vendor_who_made_it(name: str, meant: str | None) -> None:
    assert catalog().named(name) == meant


def test_every_bare_name_leads_to_a_model() -> None:
    full = catalog()
    named = [full.named(name) for model in full.ids() for name in [model.partition(":")[2]]]
    assert all(full.find(model) for model in named if model)


def test_what_the_workspace_says_counts_before_what_is_shipped() -> None:
    row = CatalogSettings(
        input_usd=Decimal("0.11"),
        output_usd=Decimal("0.22"),
        cached_usd=Decimal("0.05"),
        cache_write_usd=Decimal("0.15"),
        context_tokens=99_000,
        capabilities=["tools"],
        strengths=["extraction"],
        size="large",
    )
    own = Catalog(providers({}), now=lambda: NOON, rows={"openai:gpt-4o-mini": row, "openai:gpt-99": row})
    for name in ("gpt-4o-mini", "gpt-99"):
        model = found(f"openai:{name}", own)
        assert model.price == Price(
            Rates(Decimal("0.11"), Decimal("0.22"), Decimal("0.05"), Decimal("0.15")), "steadyhand.toml"
        )
        assert (model.context_tokens, model.size, model.strengths) == (99_000, "large", ("extraction",))
        assert model.capabilities == {"tools"}
        assert model.id in own.ids()
    assert found("openai:gpt-4o", own).price == found("openai:gpt-4o").price


def test_what_the_workspace_does_not_say_stays_as_it_is_shipped() -> None:
    row = CatalogSettings(max_output_tokens=512)
    own = Catalog(providers({}), now=lambda: NOON, rows={"mistral:small": row})
    assert found("mistral:small", own) == replace(found("mistral:small"), max_output_tokens=512)


@pytest.mark.parametrize(
    ("model", "row", "expected"),
    [
        ("opnai:gpt-4o", CatalogSettings(size="small"), "provider:name"),
        ("gpt-4o", CatalogSettings(size="small"), "provider:name"),
        ("openai:", CatalogSettings(size="small"), "provider:name"),
        ("openai:gpt-4o", CatalogSettings(input_usd=Decimal(1)), "output_usd beside input_usd"),
        ("openai:gpt-4o", CatalogSettings(cached_usd=Decimal(1)), "input_usd and output_usd beside cached_usd"),
    ],
)
def test_a_row_that_cannot_be_right_is_refused(model: str, row: CatalogSettings, expected: str) -> None:
    with pytest.raises(WorkspaceInvalid, match=expected) as refused:
        Catalog(providers({}), now=lambda: NOON, rows={model: row})
    assert refused.value.hint


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
    moved = catalog(openai=ProviderSettings(base_url="https://proxy.example/v1", key_variable="PROXY_KEY"))
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


def test_every_row_we_add_is_of_a_model_that_somebody_serves() -> None:
    full = catalog()
    rows = tomllib.loads(files("steadyhand.catalog").joinpath("models.toml").read_text("utf-8"))
    served = [row for row in rows if row.partition(":")[0] in shipped()]
    assert [row for row in served if full.find(ModelId(row)) is None] == []
    remote = [found(row) for row in served if found(row).provider.place != "local"]
    assert [model.id for model in remote if model.price is None] == []


def test_what_is_known_of_a_model_counts_for_its_dated_names_too() -> None:
    dated, plain = found("openai:gpt-4o-2024-08-06"), found("openai:gpt-4o")
    assert dated.capabilities == plain.capabilities > {"tools", "vision"}
    assert (dated.deprecated_on, dated.max_output_tokens) == (date(2027, 1, 14), 16_384)


def test_a_local_model_says_what_memory_it_needs() -> None:
    small, large = found("ollama:llama3.1:8b"), found("ollama:llama3.3:70b")
    assert (small.vram_gb, large.vram_gb) == (5.9, 40.3)
