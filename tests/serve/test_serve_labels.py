"""Who may see a document: the same at every door, and nobody by mistake."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from served_site import HOTEL, Site

from steadyhand.knowledge.care import report
from steadyhand.types.run import RoleName

QUESTION = {"question": "What may a hotel cost?"}
CITED = {"answer": HOTEL, "found": True, "citations": [{"passage": 1, "quote": HOTEL}]}
NOTHING = {"answer": "I do not know.", "found": False, "citations": []}


class Doors:
    """The site with its travel notes for the label `hr` only, and keys with and without that label."""

    def __init__(self, site: Site, keys: dict[str, str]) -> None:
        self.site = site
        self.keys = keys

    async def get(self, who: str, path: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.keys[who]}", "Accept": "application/json"}
        async with self.site.http.get(self.site.url + path, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def shown(self, who: str, path: str) -> str:
        headers = {"Authorization": f"Bearer {self.keys[who]}", "Accept": "text/html"}
        async with self.site.http.get(self.site.url + path, headers=headers) as answer:
            return await answer.text()

    async def post(self, who: str, path: str, body: object) -> str:
        headers = {"Authorization": f"Bearer {self.keys[who]}"}
        async with self.site.http.post(self.site.url + path, json=body, headers=headers) as answer:
            return await answer.text()


@pytest.fixture
async def doors(site: Site) -> AsyncIterator[Doors]:
    roles: dict[str, tuple[RoleName, list[str]]] = {
        "clerk": ("caller", ["hr"]),
        "shop": ("caller", []),
        "sales": ("caller", ["sales"]),
        "auditor": ("reader", []),
        "hr auditor": ("reader", ["hr"]),
        "boss": ("admin", []),
    }
    made = {
        who: await site.workspace.keys.create(who, role, labels=labels) for who, (role, labels) in roles.items()
    }
    label = "UPDATE document SET labels = %s WHERE path = 'travel.md'"
    await site.workspace.database.execute(label, [["hr"]])
    yield Doors(site, made)
    await site.workspace.database.execute(label, [["everyone"]])


@pytest.mark.parametrize(("who", "sees"), [("clerk", True), ("shop", False), ("sales", False), ("boss", True)])
async def test_reading_doors_show_a_document_to_its_labels_only(doors: Doors, who: str, sees: bool) -> None:
    _, listed = await doors.get(who, "/knowledge/notes")
    assert ("travel.md" in {row["path"] for row in listed["documents"]}) is sees
    _, found = await doors.get(who, "/knowledge/notes/search?q=hotels")
    assert ("travel.md" in {passage["source"] for passage in found["passages"]}) is sees
    assert found["passages"]
    status, page = await doors.get(who, "/knowledge/notes/travel.md")
    assert (status, HOTEL in json.dumps(page)) == ((200, True) if sees else (404, False))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/features/answers", QUESTION),
        ("/features/answers/stream", QUESTION),
        (
            "/v1/chat/completions",
            {"model": "answers", "messages": [{"role": "user", "content": QUESTION["question"]}]},
        ),
    ],
)
async def test_running_doors_answer_from_what_the_caller_may_see(doors: Doors, path: str, body: object) -> None:
    doors.site.says(CITED)
    assert HOTEL in await doors.post("clerk", path, body)
    before = len(doors.site.model.requests)
    doors.site.says(NOTHING)
    for who in ("shop", "sales"):
        assert HOTEL not in await doors.post(who, path, body)
    for request in doors.site.model.requests[before:]:
        assert HOTEL not in json.dumps(request)


async def test_a_run_shows_its_documents_to_those_who_may_see_them(doors: Doors) -> None:
    doors.site.says(CITED)
    run_id = json.loads(await doors.post("clerk", "/features/answers", QUESTION))["run_id"]
    assert (await doors.get("boss", f"/runs/{run_id}"))[0] == 200
    assert (await doors.get("hr auditor", f"/runs/{run_id}"))[0] == 200
    status, refused = await doors.get("auditor", f"/runs/{run_id}")
    assert (status, refused["error"]["code"]) == (403, "access.forbidden")
    assert HOTEL not in json.dumps(refused)
    assert HOTEL in await doors.shown("hr auditor", f"/console/runs/{run_id}")
    assert HOTEL not in await doors.shown("auditor", f"/console/runs/{run_id}")


@pytest.mark.parametrize("told", ["{%s}", "{}"])
async def test_a_run_that_only_told_a_model_of_a_document_is_hidden_with_it(doors: Doors, told: str) -> None:
    """Such as one that rated its passages, or repeats an answer; and one of which nothing is known any more."""
    doors.site.says(CITED)
    run_id = json.loads(await doors.post("clerk", "/features/answers", QUESTION))["run_id"]
    database = doors.site.workspace.database
    read = await database.rows("DELETE FROM retrieval WHERE run_id = %s RETURNING version_id", [run_id])
    evidence = "[]" if "%s" in told else '[{"quote": "?", "version_id": 0}]'
    await database.execute(
        "UPDATE run_payload SET evidence = %s, told = %s WHERE run_id = %s",
        [evidence, told.replace("%s", ",".join(str(row["version_id"]) for row in read)), run_id],
    )
    assert (await doors.get("auditor", f"/runs/{run_id}"))[0] == 403
    assert (await doors.get("boss", f"/runs/{run_id}"))[0] == 200
    assert HOTEL not in await doors.shown("auditor", f"/console/runs/{run_id}")


async def test_what_is_counted_is_what_may_be_seen(doors: Doors) -> None:
    """Also where there is nothing but a number to tell that a document is there."""
    counted = {}
    for who in ("boss", "clerk", "shop"):
        _, listed = await doors.get(who, "/knowledge/notes")
        _, every = await doors.get(who, "/knowledge")
        [base] = [base for base in every["knowledge_bases"] if base["name"] == "notes"]
        assert base == listed["base"]
        assert base["documents"] == len(listed["documents"])
        assert base["chunks"] == sum(row["chunks"] for row in listed["documents"])
        counted[who] = base["documents"]
    assert counted["boss"] == counted["clerk"] == counted["shop"] + 1
    for page in ("/console/knowledge", "/console/knowledge/notes"):
        assert f"{counted['boss']} documents" not in await doors.shown("auditor", page)


async def test_a_report_does_not_count_what_may_not_be_seen(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "_LISTED", 0)
    await doors.site.workspace.database.execute("UPDATE document SET review_by = '2020-01-01'")
    _, whole = await doors.get("boss", "/knowledge/notes/report")
    _, partial = await doors.get("auditor", "/knowledge/notes/report")
    assert any("stale documents" in line for line in whole["cut"])
    assert "stale documents" not in json.dumps(partial)
    await doors.site.workspace.database.execute("UPDATE document SET review_by = NULL")


async def test_labels_that_a_key_loses_are_lost_at_every_door(doors: Doors) -> None:
    key = await doors.site.workspace.keys.create("leaver", "caller", labels=["hr"])
    await doors.site.workspace.keys.label(key[:10], [])
    doors.keys["leaver"] = key
    assert (await doors.get("leaver", "/knowledge/notes/travel.md"))[0] == 404
