"""What `doctor` can find: local servers that answer and keys that are set, without contacting anybody else."""

from dataclasses import replace
from pathlib import Path

from openai_server import serving
from steadyhand.catalog.providers import shipped
from steadyhand.providers.detect import detect
from steadyhand.providers.secrets import Secrets


async def test_a_local_server_that_runs_is_found_with_its_models() -> None:
    async with serving(models=("llama3.1:8b", "qwen3:4b")) as server:
        (found,) = await detect({"test": server.provider()}, secrets=Secrets(lambda variable: ""))
    assert (found.provider, found.reachable, found.models) == ("test", True, ("llama3.1:8b", "qwen3:4b"))
    assert found.hint == 'models.try = ["test:llama3.1:8b"]'


async def test_a_server_that_is_not_there_or_is_something_else_is_not_reachable() -> None:
    async with serving() as server:
        other = replace(server.provider(), base_url=server.base_url.removesuffix("/v1"))
        (wrong,) = await detect({"test": other}, secrets=Secrets(lambda variable: ""))
    (gone,) = await detect({"test": other}, secrets=Secrets(lambda variable: ""))
    assert (wrong.reachable, gone.reachable) == (False, False)


async def test_a_cloud_provider_is_looked_up_and_never_contacted() -> None:
    async with serving() as server:
        cloud = replace(server.provider("CLOUD_KEY"), place="us")
        (ready,) = await detect({"test": cloud}, secrets=Secrets(lambda variable: "sk-secret"))
        (bare,) = await detect({"test": cloud}, secrets=Secrets(lambda variable: ""))
        assert not server.listed
    assert (ready.key_set, ready.reachable, bare.key_set) == (True, False, False)
    assert "CLOUD_KEY" in bare.hint
    assert "sk-secret" not in repr(ready)


async def test_everything_that_ships_is_reported_but_what_is_built_in() -> None:
    found = await detect(shipped(), secrets=Secrets(lambda variable: ""), timeout_s=0.3)
    assert [entry.provider for entry in found] == [name for name, row in shipped().items() if row.base_url]


async def test_an_address_with_a_gap_is_no_provider_to_use_yet() -> None:
    async with serving() as server:
        gap = replace(server.provider("CLOUD_KEY"), place="eu", base_url="https://{resource}.example/v1")
        (found,) = await detect({"test": gap}, secrets=Secrets(lambda variable: "sk-secret"))
    assert not found.key_set
    assert "[providers.test]" in found.hint


async def test_a_key_in_a_file_is_as_good_as_one_in_a_variable(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-secret")
    async with serving() as server:
        cloud = replace(server.provider(), place="us", key_file=str(tmp_path / "key"))
        (ready,) = await detect({"test": cloud})
        (bare,) = await detect({"test": replace(cloud, key_file=str(tmp_path / "none"))})
    assert (ready.key_set, bare.key_set) == (True, False)
    assert "none" in bare.hint
