"""What `doctor` can find: local servers that answer and keys that are set, without contacting anybody else."""

from dataclasses import replace

from openai_server import serving
from steadyhand.catalog.providers import shipped
from steadyhand.providers.detect import detect


async def test_a_local_server_that_runs_is_found_with_its_models() -> None:
    async with serving(models=("llama3.1:8b", "qwen3:4b")) as server:
        (found,) = await detect({"test": server.provider()}, secret=lambda variable: "")
    assert (found.provider, found.reachable, found.models) == ("test", True, ("llama3.1:8b", "qwen3:4b"))
    assert found.hint == 'models.try = ["test:llama3.1:8b"]'


async def test_a_server_that_is_not_there_or_is_something_else_is_not_reachable() -> None:
    async with serving() as server:
        other = replace(server.provider(), base_url=server.base_url.removesuffix("/v1"))
        (wrong,) = await detect({"test": other}, secret=lambda variable: "")
    (gone,) = await detect({"test": other}, secret=lambda variable: "")
    assert (wrong.reachable, gone.reachable) == (False, False)


async def test_a_cloud_provider_is_looked_up_and_never_contacted() -> None:
    async with serving() as server:
        cloud = replace(server.provider("CLOUD_KEY"), place="us")
        (ready,) = await detect({"test": cloud}, secret=lambda variable: "sk-secret")
        (bare,) = await detect({"test": cloud}, secret=lambda variable: "")
        assert not server.listed
    assert (ready.key_set, ready.reachable, bare.key_set) == (True, False, False)
    assert "CLOUD_KEY" in bare.hint
    assert "sk-secret" not in repr(ready)


async def test_everything_that_ships_is_reported_but_what_is_built_in() -> None:
    found = await detect(shipped(), secret=lambda variable: "", timeout_s=0.3)
    assert [entry.provider for entry in found] == [name for name in shipped() if name != "local"]
