"""Limits of a key hold at every door, and what was used is in the database with the rows."""

from decimal import Decimal

import aiohttp
from served_site import Site

from steadyhand.access.keys import KeyLimits

ASKED = 6  # by a key that may ask twice in a minute: at most four fit, when a minute ends meanwhile
CALLS = {
    "/features/sorter": {"subject": "Invoice"},
    "/v1/chat/completions": {"model": "fast", "messages": [{"role": "user", "content": "Hello"}]},
}


async def used(site: Site, key: str, unit: str) -> Decimal:
    row = await site.workspace.database.row(
        "SELECT coalesce(sum(used), 0) AS sum FROM quota WHERE scope = %s AND unit = %s", [f"key:{key[:10]}", unit]
    )
    assert row is not None
    return Decimal(row["sum"])


async def test_a_key_that_asks_too_often_is_refused_at_every_door(site: Site) -> None:
    site.says({"queue": "support"})
    for path, body in CALLS.items():
        key = await site.workspace.keys.create("busy", "caller", KeyLimits(requests_per_minute=2))
        answers = []
        for _ in range(ASKED):
            async with site.http.post(
                site.url + path, json=body, headers={"Authorization": f"Bearer {key}"}
            ) as got:
                answers.append((got.status, await got.text(), got.headers.get("Retry-After", "0")))
        good = [status for status, *_ in answers if status == 200]
        assert 2 <= len(good) <= 4, answers
        refused = [(text, int(wait_s)) for status, text, wait_s in answers if status == 429]
        assert len(good) + len(refused) == ASKED
        assert all("2 requests a minute" in text and 1 <= wait_s <= 60 for text, wait_s in refused)


async def test_what_a_run_used_is_booked_with_its_row(site: Site) -> None:
    site.says({"queue": "support"})
    key = await site.workspace.keys.create("counted", "caller", KeyLimits(None, 1_000, 1_000_000))
    headers = {"Authorization": f"Bearer {key}"}
    for _ in range(3):
        await post(site.http, site.url + "/features/sorter", CALLS["/features/sorter"], headers)
    assert await used(site, key, "requests") == 3
    row = await site.workspace.database.row(
        "SELECT sum(input_tokens + output_tokens) AS tokens FROM model_call JOIN run ON run.id = run_id"
        " WHERE key_id = %s",
        [key[:10]],
    )
    assert row is not None
    assert await used(site, key, "tokens") == row["tokens"] > 0


async def test_a_model_that_costs_nothing_answers_a_key_without_money(site: Site) -> None:
    site.says({"queue": "support"})
    key = await site.workspace.keys.create("poor", "caller", KeyLimits(usd_per_day=Decimal("0.000001")))
    for path, body in CALLS.items():
        await post(site.http, site.url + path, body, {"Authorization": f"Bearer {key}"})


async def post(http: aiohttp.ClientSession, url: str, body: dict[str, object], headers: dict[str, str]) -> None:
    async with http.post(url, json=body, headers=headers) as got:
        assert got.status == 200, await got.text()
