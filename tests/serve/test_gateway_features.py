"""A feature answers under its name, in every dialect, with its evidence."""

import json
from typing import Any

import anthropic
import openai
import pytest
from served_site import HOTEL, Site

QUESTION: Any = [{"role": "user", "content": "What may a hotel cost?"}]
CITED = {"answer": HOTEL, "found": True, "citations": [{"passage": 1, "quote": HOTEL}]}


@pytest.fixture
def gpt(site: Site) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{site.url}/v1", api_key=site.keys["caller"], max_retries=2)


@pytest.fixture
def claude(site: Site) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=site.url, api_key=site.keys["caller"], max_retries=2)


def letter(**values: str) -> Any:
    return [{"role": "user", "content": json.dumps(values)}]


async def test_a_text_is_the_one_required_field_and_the_answer_is_text(site: Site, gpt: openai.AsyncOpenAI) -> None:
    site.says(CITED)
    said = await gpt.chat.completions.create(model="answers", messages=QUESTION, user="ann")
    assert said.choices[0].message.content == HOTEL
    told = (said.model_extra or {})["steadyhand"]
    assert (told["status"], told["model"], told["evidence"][0]["quote"]) == ("answered", "test:m", HOTEL)
    assert {"run_id", "confidence", "checks", "cost_usd"} <= set(told)
    async with site.http.get(f"{site.url}/runs/{told['run_id']}", headers=site.bearer()) as kept:
        run = (await kept.json())["run"]
    assert (run["door"], run["end_user"]) == ("gateway", "ann")


async def test_several_fields_come_and_go_as_json(site: Site, gpt: openai.AsyncOpenAI) -> None:
    site.says({"queue": "support"})
    said = await gpt.responses.create(model="sorter", input=letter(subject="Help"))
    assert json.loads(said.output_text) == {"queue": "support"}
    site.says(CITED)
    said = await gpt.responses.create(
        model="answers", input="What may a hotel cost?", text={"format": {"type": "json_object"}}
    )
    assert json.loads(said.output_text) == {"answer": HOTEL, "found": True}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}]}], "text"),
        ([], "the last message"),
        ([*QUESTION, {"role": "assistant", "content": "x"}], "the last message"),
    ],
)  # fmt: skip
async def test_an_input_that_does_not_fit_is_refused_with_what_is_expected(
    gpt: openai.AsyncOpenAI, messages: Any, expected: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=expected) as raised:
        await gpt.chat.completions.create(model="sorter", messages=messages)
    assert "subject" in str(raised.value)


async def test_a_stream_is_one_piece_in_every_dialect(
    site: Site, gpt: openai.AsyncOpenAI, claude: anthropic.AsyncAnthropic
) -> None:
    site.says(CITED)
    heard = [
        chunk async for chunk in await gpt.chat.completions.create(model="answers", messages=QUESTION, stream=True)
    ]
    texts = [it.choices[0].delta.content for it in heard if it.choices and it.choices[0].delta.content]
    assert texts == [HOTEL]
    assert (heard[-1].model_extra or {})["steadyhand"]["status"] == "answered"
    async with gpt.responses.stream(model="answers", input="What may a hotel cost?") as responses:
        events = [event async for event in responses]
    assert [event.delta for event in events if event.type == "response.output_text.delta"] == [HOTEL]
    assert (events[-1].response.model_extra or {})["steadyhand"]["evidence"]  # type: ignore[union-attr]
    async with claude.messages.stream(model="answers", max_tokens=50, messages=QUESTION) as messages:
        assert [text async for text in messages.text_stream] == [HOTEL]


async def test_a_run_that_waits_for_a_person_is_an_error_that_is_not_asked_again(
    site: Site, gpt: openai.AsyncOpenAI, claude: anthropic.AsyncAnthropic
) -> None:
    site.says({"queue": "billing"})
    site.model.requests.clear()
    with pytest.raises(openai.UnprocessableEntityError) as raised:
        await gpt.chat.completions.create(model="sorter", messages=letter(subject="Invoice"))
    assert raised.value.code == "run.review"
    run_id = raised.value.response.headers["x-run-id"]
    async with site.http.get(site.url + "/reviews", headers=site.bearer()) as waiting:
        assert run_id in [task["run_id"] for task in (await waiting.json())["reviews"]]
    with pytest.raises(anthropic.UnprocessableEntityError, match="a person decides"):
        await claude.messages.create(model="sorter", max_tokens=50, messages=letter(subject="Invoice"))
    assert len(site.model.requests) == 2


async def test_a_run_that_failed_is_the_error_it_failed_with(site: Site, gpt: openai.AsyncOpenAI) -> None:
    site.says({"queue": "nonsense"})
    with pytest.raises(openai.InternalServerError) as raised:
        await gpt.with_options(max_retries=0).chat.completions.create(model="sorter", messages=letter(subject="x"))
    assert raised.value.code == "output.rejected"
    with pytest.raises(openai.InternalServerError, match="never was good"):
        await gpt.chat.completions.create(model="broken", messages=QUESTION)
