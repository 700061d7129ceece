"""What providers do for knowledge bases: only what they are cleared for, within the limits, and all of it booked."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from openai_server import OpenAIServer, answer, serving
from steadyhand.errors import BudgetExceeded, NoModel, ProviderUnavailable
from steadyhand.types.document import Picture
from steadyhand.types.ids import ModelId
from steadyhand.types.model import EmbeddingRequest
from steadyhand.workspace import AsyncWorkspace

EMBEDDER = ModelId("vendor:e-1")
SETTINGS = """
database_url = "{database}"
models_dir = "{models}"
[embedder]
name = "provider"
model = "vendor:e-1"
[providers.vendor]
dialect = "openai"
base_url = "{address}"
place = "us"
clearance = "internal"
[catalog."vendor:e-1"]
input_usd = 1
output_usd = 0
[catalog."vendor:eyes"]
input_usd = 1
output_usd = 2
[knowledge.secrets]
data_class = "confidential"
"""


@dataclass
class House:
    workspace: AsyncWorkspace
    server: OpenAIServer

    @property
    def calls(self) -> Any:
        return self.workspace._knowledge_calls

    async def embed(self, base: str = "notes", *texts: str) -> Any:
        return await self.calls.embed(base, EMBEDDER, EmbeddingRequest(texts or ("a text",), timeout_s=5))

    async def rows(self, count: int = 1) -> list[dict[str, Any]]:
        """The calls in the ledger, the oldest first, when there are so many: they are written a moment later."""
        for _ in range(200):
            rows = await self.workspace.database.rows(
                "SELECT run.status, run.door, run.data_class, run.cost_usd, run.error_code, c.model,"
                " c.input_tokens, c.output_tokens, c.prompt, c.answer, c.error FROM run"
                " LEFT JOIN model_call c ON c.run_id = run.id WHERE run.feature = 'knowledge' ORDER BY run.id, c.seq"
            )
            if len(rows) >= count:
                break
            await asyncio.sleep(0.05)
        assert len(rows) == count
        return rows


@pytest.fixture
async def house(
    database_url: str, tmp_path: Path, models_folder: Path, request: pytest.FixtureRequest
) -> AsyncIterator[House]:
    async with serving(answer("# Page one")) as server:
        settings = SETTINGS.format(database=database_url, models=models_folder, address=server.base_url)
        (tmp_path / "features").mkdir()
        (tmp_path / "knowledge" / "notes").mkdir(parents=True)
        (tmp_path / "steadyhand.toml").write_text(settings + getattr(request, "param", ""))
        async with await AsyncWorkspace.open(tmp_path) as workspace:
            yield House(workspace, server)


async def test_a_call_is_booked_with_its_tokens_and_its_price_and_without_the_texts(house: House) -> None:
    found = await house.embed("notes", "the secret recipe", "another text")
    assert len(found.vectors) == 2
    [row] = await house.rows()
    assert (row["status"], row["door"], row["data_class"], row["model"]) == (
        "answered",
        "python",
        "internal",
        EMBEDDER,
    )
    assert (row["input_tokens"], row["cost_usd"]) == (6, Decimal("0.000006"))
    assert row["prompt"] == "notes: texts to embed: 2"
    assert "recipe" not in str(row)


async def test_a_base_above_the_providers_clearance_is_never_sent(house: House) -> None:
    with pytest.raises(NoModel, match="may see up to internal, this run is confidential"):
        await house.embed("secrets")
    assert house.server.requests == []
    [row] = await house.rows()
    assert (row["status"], row["error_code"], row["model"]) == ("failed", "model.none", None)


@pytest.mark.parametrize("house", ["[limits.workspace]\nusd_per_day = 0.0001\n"], indirect=True)
async def test_what_the_workspace_may_not_spend_is_not_asked_for(house: House) -> None:
    await house.embed()
    with pytest.raises(BudgetExceeded, match="workspace has"):
        await house.embed("notes", "word " * 1_000)
    assert len(house.server.requests) == 1
    assert [row["status"] for row in await house.rows(2)] == ["answered", "refused"]


async def test_a_model_that_is_switched_off_is_not_asked(house: House) -> None:
    await house.workspace.switches.off("vendor:e-1", reason="incident", by="tester")
    house.workspace.conditions.switches.replace(await house.workspace.switches.all())
    with pytest.raises(NoModel, match="incident"):
        await house.embed()
    assert house.server.requests == []


async def test_a_name_that_is_no_model_is_named(house: House) -> None:
    with pytest.raises(NoModel, match="found 'nobody:x'"):
        await house.calls.embed("notes", ModelId("nobody:x"), EmbeddingRequest(("x",), timeout_s=5))


async def test_a_call_that_failed_for_a_moment_is_made_again(house: House) -> None:
    async def broken(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"error": {"message": "overloaded"}}, status=503)

    house.server.replies = [broken, answer("# Page one")]
    describe = house.calls.describing("notes", ModelId("vendor:eyes"))
    assert await describe(Picture(1, "image/png", b"png"), instruction="Read it.") == "# Page one"
    first, second = await house.rows(2)
    assert (first["error"] != "", second["error"]) == (True, "")


async def test_a_provider_that_stays_away_fails_the_call_and_is_booked(house: House) -> None:
    async def broken(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"error": {"message": "overloaded"}}, status=503)

    house.server.replies = [broken]
    describe = house.calls.describing("notes", ModelId("vendor:eyes"))
    with pytest.raises(ProviderUnavailable):
        await describe(Picture(1, "image/png", b"png"), instruction="Read it.")
    rows = await house.rows(2)
    assert {(row["status"], row["cost_usd"]) for row in rows} == {("failed", 0)}


async def test_a_picture_is_shown_and_what_is_read_stays_out_of_the_ledger(house: House) -> None:
    describe = house.calls.describing("notes", ModelId("vendor:eyes"))
    assert await describe(Picture(3, "image/png", b"png"), instruction="Read it.") == "# Page one"
    [sent] = house.server.requests
    text, image = sent["messages"][-1]["content"]
    assert (text["text"], image["image_url"]["url"]) == ("Read it.", "data:image/png;base64,cG5n")
    [row] = await house.rows()
    assert (row["prompt"], row["answer"]) == ("notes: page 3 to read", "")
    assert row["cost_usd"] == Decimal(11 + 2 * 7) / 1_000_000


async def test_documents_are_embedded_and_searched_by_the_providers_model(house: House) -> None:
    note = house.workspace.settings.root / "knowledge" / "notes" / "travel.md"
    note.write_text("# Travel\n\nHotels cost at most 120 EUR a night.\n")
    async for progress in house.workspace.sync("notes"):
        assert progress.outcome == "added", progress
    found = await house.workspace.search("notes", "hotel")
    assert [passage.source for passage in found.passages] == ["travel.md"]
    assert (await house.workspace.generations.of("notes"))[0].embedder == "vendor:e-1"
    assert [row["prompt"] for row in await house.rows(2)] == ["notes: texts to embed: 1"] * 2


async def test_long_lists_of_texts_go_in_several_requests(house: House) -> None:
    embedder = await house.workspace.embedders.wanted("notes")
    vectors = await embedder([f"text {'x' * number}" for number in range(130)])
    assert vectors.shape == (130, 2)
    assert [len(request["input"]) for request in house.server.requests] == [64, 64, 2]
    assert (await embedder([])).shape[0] == 0
