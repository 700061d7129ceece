"""The JSON interface over a real socket."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from served_site import HOTEL, Site

from openai_server import slow
from steadyhand.errors import StorageError
from steadyhand.serve.api.stream import events
from steadyhand.types.run import Answer, StepRecord


async def post(site: Site, path: str, body: object, **headers: str) -> tuple[int, dict[str, Any], str]:
    """Status, body and `X-Run-Id`."""
    async with site.http.post(site.url + path, json=body, headers={**site.bearer(), **headers}) as answer:
        return answer.status, await answer.json(), answer.headers.get("X-Run-Id", "")


async def get(site: Site, path: str, **headers: str) -> tuple[int, dict[str, Any]]:
    async with site.http.get(site.url + path, headers={**site.bearer(), **headers}) as answer:
        return answer.status, await answer.json()


async def lines(site: Site, path: str, body: object) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream."""
    async with site.http.post(site.url + path, json=body, headers=site.bearer()) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        told = (await answer.text()).strip().split("\n\n")
    parted = [event.split("\n") for event in told if not event.startswith(":")]
    return [(name.removeprefix("event: "), json.loads(said.removeprefix("data: "))) for name, said in parted]


async def test_a_run_answers_with_everything_that_an_output_carries(site: Site) -> None:
    site.says({"answer": HOTEL, "found": True, "citations": [{"passage": 1, "quote": HOTEL}]})
    status, body, run_id = await post(site, "/features/answers", {"question": "What may a hotel cost?"})
    assert status == 200
    assert set(body) == {
        "status", "output", "confidence", "evidence", "checks", "model", "cost_usd", "run_id", "snapshot", "duration_s",
        "contradictions",
    }  # fmt: skip
    assert (body["status"], body["model"], body["cost_usd"], body["run_id"]) == ("answered", "test:m", 0.0, run_id)
    assert body["output"] == {"answer": HOTEL, "found": True}
    found = body["evidence"][0]
    assert (found["quote"], found["source"], found["page"]) == (HOTEL, "travel.md", 1)
    status, page = await get(site, f"/knowledge/notes/travel.md?page=1&start={found['start']}&end={found['end']}")
    assert (status, page["span"]["quote"]) == (200, HOTEL)


async def test_a_run_that_waits_for_a_person_is_accepted_and_gives_no_output(site: Site) -> None:
    site.says({"queue": "billing"})
    status, body, run_id = await post(site, "/features/sorter", {"subject": "Invoice"})
    assert (status, body["status"], body["output"]) == (202, "review", None)
    _, waiting = await get(site, "/reviews")
    assert run_id in [task["run_id"] for task in waiting["reviews"]]


async def test_an_input_that_breaks_the_contract_is_refused_with_its_run(site: Site) -> None:
    status, body, run_id = await post(site, "/features/sorter", {"subject": "x", "extra": 1})
    assert status == 422
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "hint", "run_id"}
    assert (body["error"]["code"], body["error"]["run_id"]) == ("input.invalid", run_id)
    assert "extra" in body["error"]["message"]
    _, trace = await get(site, f"/runs/{run_id}")
    assert (trace["run"]["status"], trace["run"]["door"]) == ("refused", "http")


async def test_a_run_that_fails_answers_with_the_status_of_its_reason(site: Site) -> None:
    site.says({"queue": "nonsense"})
    status, body, _ = await post(site, "/features/sorter", {"subject": "x"})
    assert (status, body["error"]["code"]) == (502, "output.rejected")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/features/nobody", 404, "not_found"),
        ("/features/broken", 500, "contract.invalid"),
        ("/features/nobody/stream", 404, "not_found"),
        ("/knowledge/nothing/sync", 404, "not_found"),
        ("/nowhere", 404, "not_found"),
        ("/runs", 405, "method_not_allowed"),
    ],
)
async def test_every_error_looks_the_same(site: Site, path: str, status: int, code: str) -> None:
    answered, body, _ = await post(site, path, {})
    assert (answered, body["error"]["code"]) == (status, code)
    assert set(body["error"]) == {"code", "message", "hint", "run_id"}
    assert body["error"]["message"]


@pytest.mark.parametrize(
    "path",
    ["/runs?limit=0", "/runs?status=odd", "/knowledge/notes/search", "/knowledge/notes/search?q=x&top_k=1000",
     "/knowledge/notes/travel.md?page=0", "/knowledge/notes/travel.md?start=-1", "/knowledge/..%2f/search?q=x"],
)  # fmt: skip
async def test_parameters_out_of_bounds_are_named(site: Site, path: str) -> None:
    status, body = await get(site, path)
    assert (status, body["error"]["code"]) in {(422, "input.invalid"), (404, "not_found")}
    assert "Traceback" not in body["error"]["message"]


async def test_a_stream_tells_the_steps_and_then_an_answer_that_is_in_the_ledger(site: Site) -> None:
    site.says({"queue": "support"})
    told = await lines(site, "/features/sorter/stream", {"subject": "x"})
    assert [name for name, _ in told] == ["step"] * (len(told) - 1) + ["answer"]
    assert [said["name"] for _, said in told[:-1]][:2] == ["admit", "guard_input"]
    run_id = told[-1][1]["run_id"]
    _, trace = await get(site, f"/runs/{run_id}")
    assert trace["run"]["status"] == "answered"
    assert [step["name"] for step in trace["steps"]] == [said["name"] for _, said in told[:-1]]


async def test_a_stream_of_a_refused_run_ends_with_its_error(site: Site) -> None:
    told = await lines(site, "/features/sorter/stream", {"wrong": 1})
    name, said = told[-1]
    assert (name, said["error"]["code"]) == ("error", "input.invalid")
    assert said["error"]["run_id"]


async def test_a_run_is_recorded_although_its_caller_went_away(site: Site) -> None:
    site.model.replies[:] = [slow(0.3, json.dumps({"queue": "support"}))]
    _, before = await get(site, "/runs?feature=sorter&limit=1")
    async with site.http.post(
        site.url + "/features/sorter/stream", json={"subject": "bye"}, headers=site.bearer()
    ) as answer:
        await answer.content.readline()
    for _ in range(50):
        _, after = await get(site, "/runs?feature=sorter&limit=1")
        if after != before:
            break
        await asyncio.sleep(0.1)
    assert after["runs"][0]["status"] == "answered"


async def test_a_long_silence_is_filled_with_signs_of_life_and_surprises_stay_inside() -> None:
    async def broken(*, watch: Any) -> Answer:
        watch(StepRecord(seq=0, name="admit", attempt=0, verdict="continue", detail="", started_s=0, duration_s=0))
        await asyncio.sleep(0.1)
        raise ZeroDivisionError("secret")

    running: set[Any] = set()
    told = b"".join([event async for event in events(broken, running, heartbeat_s=0.02)])
    assert told.startswith(b"event: step\n")
    assert b"\n\n: the run is under way\n\n" in told
    assert b"event: error" in told
    assert b"internal" in told
    assert b"secret" not in told
    await asyncio.sleep(0)
    assert running == set()


async def test_features_are_listed_with_what_is_wrong_with_them(site: Site) -> None:
    _, body = await get(site, "/features")
    listed = {feature["name"]: feature for feature in body["features"]}
    assert listed["sorter"]["problems"] == []
    assert listed["broken"]["problems"][0]["file"].endswith("features/broken/feature.toml")
    assert "version" not in listed["broken"]
    _, shown = await get(site, "/features/sorter")
    assert shown["input_schema"]["properties"]["subject"]["maxLength"] == 2000


async def test_runs_are_paged_by_id(site: Site) -> None:
    site.says({"queue": "support"})
    made = [(await post(site, "/features/sorter", {"subject": "x"}))[2] for _ in range(3)]
    _, first = await get(site, "/runs?feature=sorter&limit=2")
    _, second = await get(site, f"/runs?feature=sorter&limit=1&before={first['runs'][-1]['id']}")
    assert [run["id"] for run in [*first["runs"], *second["runs"]]] == made[::-1]


async def test_knowledge_is_listed_and_searched(site: Site) -> None:
    _, body = await get(site, "/knowledge/notes")
    assert [row["path"] for row in body["documents"]] == ["evil <i>name & co.txt", "travel.md"]
    assert [row["path"] for row in body["failures"]] == ["broken.pdf"]
    _, found = await get(site, "/knowledge/notes/search?q=hotel%20price&top_k=1")
    assert found["passages"][0]["source"] == "travel.md"
    assert found["snapshot"].startswith("notes@")


async def test_sources_are_brought_in_again_line_by_line(site: Site) -> None:
    (site.root / "knowledge" / "notes" / "new.txt").write_text("A new note about bicycles.")
    async with site.http.post(site.url + "/knowledge/notes/sync", headers=site.bearer()) as answer:
        told = [json.loads(line) for line in (await answer.text()).splitlines()]
    assert {line["path"]: line["outcome"] for line in told[:-1]}["new.txt"] == "added"
    assert told[-1]["finished"] == {"added": 1, "unchanged": 2, "failed": 1}
    (site.root / "knowledge" / "notes" / "new.txt").unlink()
    async with site.http.post(site.url + "/knowledge/notes/sync", headers=site.bearer()) as answer:
        assert "removed" in await answer.text()
    status, _ = await get(site, "/knowledge/notes/new.txt")
    assert status == 404


async def test_a_source_that_is_nearly_empty_is_followed_only_when_told_so(site: Site, tmp_path: Path) -> None:
    notes = site.root / "knowledge" / "notes"
    kept = [path.rename(tmp_path / path.name) for path in notes.iterdir()]
    async with site.http.post(site.url + "/knowledge/notes/sync", headers=site.bearer()) as answer:
        assert answer.status == 409
        assert (await answer.json())["error"]["code"] == "source.vanished"
    address = site.url + "/knowledge/notes/sync?allow_removals=true"
    async with site.http.post(address, headers=site.bearer()) as answer:
        assert json.loads((await answer.text()).splitlines()[-1])["finished"] == {"removed": 3}
    for path in kept:
        path.rename(notes / path.name)
    async with site.http.post(site.url + "/knowledge/notes/sync", headers=site.bearer()) as answer:
        assert json.loads((await answer.text()).splitlines()[-1])["finished"] == {"added": 2, "failed": 1}


async def test_readiness_names_what_is_missing(site: Site) -> None:
    status, body = await get(site, "/readyz")
    assert (status, body["ready"]) == (503, False)
    assert body["checks"]["database"] == {"ok": True, "detail": ""}
    assert body["checks"]["schema"] == {"ok": True, "detail": ""}
    assert body["checks"]["contracts"] == {"ok": False, "detail": "cannot run: broken"}


async def test_the_description_types_every_feature_and_follows_its_contract(site: Site) -> None:
    _, described = await get(site, "/openapi.json")
    assert described["openapi"].startswith("3.1")
    run = described["paths"]["/features/sorter"]["post"]
    assert run["requestBody"]["content"]["application/json"]["schema"]["required"] == ["subject"]
    answered = run["responses"]["200"]["content"]["application/json"]["schema"]
    assert "queue" in answered["properties"]["output"]["anyOf"][0]["properties"]
    assert "/features/broken" not in described["paths"]
    assert "/session" not in described["paths"]
    contract = site.root / "features" / "answers" / "feature.toml"
    text = contract.read_text()
    contract.write_text(text.replace('question = "text"', 'question = "text"\ntopic = "text ?"'))
    _, later = await get(site, "/openapi.json")
    contract.write_text(text)
    body = later["paths"]["/features/answers"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "topic" in body["properties"]


async def test_what_broke_inside_is_logged_and_not_told(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def explode(**_: object) -> None:
        raise ZeroDivisionError("password=hunter2")

    monkeypatch.setattr(site.workspace.ledger, "tail", explode)
    status, body = await get(site, "/runs")
    assert (status, body["error"]["code"]) == (500, "internal")
    assert "hunter2" not in json.dumps(body)
    number = body["error"]["hint"].split()[-1]
    assert any(number in record.getMessage() and record.exc_info for record in caplog.records)


async def test_a_database_that_is_away_is_a_503(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object, **__: object) -> None:
        raise StorageError("the disk is on fire")

    monkeypatch.setattr(site.workspace.ledger, "tail", away)
    status, body = await get(site, "/runs")
    assert (status, body["error"]["code"]) == (503, "storage")


def test_the_shape_of_an_answer_is_described_completely() -> None:
    from dataclasses import fields

    from steadyhand.serve.openapi import answer_schema

    described = answer_schema({"type": "object"})["properties"]
    assert set(described) == {field.name for field in fields(Answer)} - {"error"}
