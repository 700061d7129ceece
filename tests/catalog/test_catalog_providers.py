"""The providers of a workspace: shipped rows, tables on top of them, and hosts that a key may be sent to."""

from datetime import UTC, datetime

import pytest

from steadyhand import plugins
from steadyhand.catalog.models import Catalog
from steadyhand.catalog.providers import example, providers, shipped
from steadyhand.errors import WorkspaceInvalid
from steadyhand.settings import ProviderSettings
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Provider

NAMES = tuple(shipped())


def changed(name: str, **table: object) -> Provider:
    return providers({name: ProviderSettings.model_validate(table)})[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_provider_speaks_dialects_there_are_and_can_be_tried(name: str) -> None:
    provider = shipped()[name]
    spoken = {provider.dialect, *provider.also} - {"local", "inprocess"}
    assert spoken <= {*plugins.names("providers.dialects"), "bedrock"}
    catalog = Catalog(shipped(), now=lambda: datetime(2026, 11, 21, tzinfo=UTC))
    assert provider.dialect == "local" or catalog.find(ModelId(f"{name}:{example(name)}"))


@pytest.mark.parametrize("name", NAMES)
def test_a_third_party_is_reached_by_https_with_a_key_of_its_own(name: str) -> None:
    provider = shipped()[name]
    if provider.place == "local":
        assert not provider.needs_key
    else:
        assert provider.base_url.startswith("https://")
        assert [each.name for each in shipped().values() if each.key_variable == provider.key_variable] == [name]


def test_a_region_is_filled_into_the_address_and_what_is_left_is_the_workspaces_to_say() -> None:
    vertex = changed("vertex", region="europe-west4")
    assert not vertex.is_complete
    assert "{project}" in vertex.base_url
    whole = "https://{region}-aiplatform.googleapis.com/v1/projects/p/locations/{region}/publishers/google"
    found = changed("vertex", region="europe-west4", base_url=whole, place="eu")
    assert found.base_url.startswith(
        "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-"
    )
    assert (found.is_complete, found.region, found.place) == (True, "europe-west4", "eu")
    assert not shipped()["azure"].is_complete
    assert changed("azure", base_url="https://mine.openai.azure.com/openai/v1").is_complete


def test_a_table_changes_every_field_of_a_provider() -> None:
    found = changed(
        "mistral",
        key_command=["pass", "show", "mistral"],
        also=["openai"],
        agreement="signed 2026-03-01",
        prefill="none",
        clearance="confidential",
    )
    assert (found.key_command, found.also) == (("pass", "show", "mistral"), ("openai",))
    assert (found.agreement, found.prefill, found.clearance) == ("signed 2026-03-01", "none", "confidential")
    assert (found.key_variable, found.needs_key) == ("", True)
    assert changed("openai", key_file="/run/secrets/openai").key_variable == ""


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("openai", {"base_url": "https://evil.example/v1"}),
        ("openai", {"base_url": "https://api.openai.com.evil.example/v1"}),
        ("openai", {"base_url": "https://api.mistral.ai/v1"}),
        ("mine", {"base_url": "https://evil.example/v1", "key_variable": "OPENAI_API_KEY"}),
        ("openai", {"base_url": "https://evil.example/v1", "key_variable": "MISTRAL_API_KEY"}),
        ("azure", {"base_url": "https://a.b.openai.azure.com/openai/v1"}),
        ("azure", {"base_url": "https://mine.openai.azure.com.evil.example/openai/v1"}),
        ("openai", {"base_url": "http://gpu.house:8000/v1", "place": "local"}),
    ],
)
def test_a_vendors_key_is_not_sent_to_another_host(name: str, table: dict[str, str]) -> None:
    with pytest.raises(WorkspaceInvalid, match=r"expected a host of \w+ for the key in") as refused:
        changed(name, **table)
    assert "key_file" in refused.value.hint


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("openai", {"base_url": "https://eu.api.openai.com/v1", "place": "eu"}),
        ("openai", {"base_url": "http://127.0.0.1:9000/v1"}),
        ("openai", {"base_url": "https://proxy.example/v1", "key_variable": "PROXY_KEY"}),
        ("openai", {"base_url": "https://proxy.example/v1", "key_file": "/run/secrets/proxy"}),
        ("azure", {"base_url": "https://mine.services.ai.azure.com/openai/v1"}),
        (
            "vertex",
            {"base_url": "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google"},
        ),
        ("deepseek", {"base_url": "https://api.deepseek.com/beta", "prefill": "prefix"}),
        ("huggingface", {"base_url": "https://x.eu-west-1.aws.endpoints.huggingface.cloud/v1"}),
    ],
)
def test_a_vendors_own_hosts_this_machine_and_a_key_of_ones_own_are_fine(name: str, table: dict[str, str]) -> None:
    assert changed(name, **table).base_url == table["base_url"]


def test_a_further_dialect_has_to_be_one_there_is() -> None:
    with pytest.raises(WorkspaceInvalid, match="dialect"):
        changed("openai", also=["morse"])


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.openai.com@evil.example/v1", "https://evil.example\\@api.openai.com/v1",
        "https://api.openai.com\\.evil.example/v1", "https://evil.example#@api.openai.com", "https://evil.example?@api.openai.com",
        "https://api.openai.com%2eevil.example/v1", "https://api.openai.com\t.evil.example/v1", "https://api.open\nai.com/v1",
        " https://api.openai.com/v1", "https://api.openai.com\0.evil.example", "https://api.\u043epenai.com/v1",
        "https://api\u3002openai\u3002com/v1", "https://api.openai.com./v1", "https://api.openai.com:99999/v1",
        "https://api.openai.com:0/v1", "https://api.openai.com:x/v1", "https://[::1", "https://[fe80::1%25eth0]/v1",
        "https:///api.openai.com/v1", "//api.openai.com/v1", "http://api.openai.com/v1", "http://127.0.0.1.evil.example/v1",
        "http://localhost.evil.example/v1", "http://2130706433/v1",
    ],
)  # fmt: skip
def test_no_spelling_of_an_address_takes_a_vendors_key_to_another_host(base_url: str) -> None:
    with pytest.raises(WorkspaceInvalid):
        changed("openai", base_url=base_url)


def test_a_region_does_not_become_a_host() -> None:
    with pytest.raises(WorkspaceInvalid):
        changed("bedrock", region="evil.example/")
