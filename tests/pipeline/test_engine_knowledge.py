"""Runs that answer from documents: other wordings, weak evidence, and documents that go away meanwhile."""

import json
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from house import CLOUD, FEATURE, GOOD, PASSAGE, House
from steadyhand.errors import ProviderUnavailable
from steadyhand.types.condition import Condition
from steadyhand.types.feature import Budget, Knowledge
from steadyhand.types.ids import ModelId
from steadyhand.types.model import Price, Rates
from steadyhand.types.passage import Passage, Retrieval
from steadyhand.types.ports import Ask
from steadyhand.types.quota import Limit
from steadyhand.types.search import Finish, SearchRequest

ASKED = {"question": "By how much may the hotel limit be exceeded?"}
OTHERS = json.dumps({"questions": ["How far above the limit?", "Dearer hotels"]})
FREE = Price(Rates(Decimal(0), Decimal(0), Decimal(0), Decimal(0)), "test")


@dataclass
class Library(House):
    """A house that remembers what was searched, and may rate passages by a model."""

    searched: list[SearchRequest] = field(default_factory=list)
    finds: list[Retrieval] = field(default_factory=lambda: [Retrieval((PASSAGE,), "policies@1")])

    async def _search(self, request: SearchRequest, ask: Ask | None = None) -> Retrieval:
        self.searched.append(request)
        return self.finds.pop(0) if len(self.finds) > 1 else self.finds[0]


def knowing(**changes: Any) -> Knowledge:
    assert FEATURE.knowledge is not None
    return replace(FEATURE.knowledge, **changes)


def detail(house: House, step: str) -> str:
    return next(one.detail for one in house.runs[-1].steps if one.name == step)


async def test_without_a_wish_the_question_alone_is_searched_and_no_model_asked_before() -> None:
    house = Library({"large": [GOOD]})
    await house.ask(ASKED)
    [request] = house.searched
    assert (request.queries, request.top_k, request.where) == ((ASKED["question"],), 3, ())
    assert len(house.requests) == 1


async def test_what_becomes_of_the_passages_is_as_the_contract_says() -> None:
    house = Library({"large": [GOOD]})
    await house.ask(ASKED, knowledge=knowing(rerank="lexical", max_tokens=500, expand=True, diversity=0.3))
    assert house.searched[0].finish == Finish(rerank="lexical", max_tokens=500, expand=True, diversity=0.3)


async def test_other_wordings_are_a_models_and_their_cost_is_the_runs() -> None:
    house = Library({"large": [OTHERS, GOOD]})
    answer = await house.ask(ASKED, knowledge=knowing(queries=3))
    assert house.searched[0].queries == (ASKED["question"], "How far above the limit?", "Dearer hotels")
    assert [call.answer for call in house.runs[0].calls] == [OTHERS, GOOD]
    assert answer.cost_usd == 6
    assert "searched for" in detail(house, "retrieve")
    told = house.requests[0].messages
    assert [segment.trust for segment in told[1].segments if ASKED["question"] in segment.text] == ["untrusted"]


async def test_after_a_conversation_the_question_as_it_is_meant_comes_first() -> None:
    meant = json.dumps({"questions": ["By how much may the limit for hotels be exceeded?"]})
    house = Library({"large": [meant, GOOD]})
    schema = {**FEATURE.input_schema, "properties": {"question": {"type": "string"}, "history": {"type": "array"}}}
    asked = {"question": "And by how much?", "history": [{"role": "user", "text": "Is there a limit for hotels?"}]}
    await house.ask(asked, knowledge=knowing(queries=2), input_schema=schema)
    assert house.searched[0].queries == (
        "By how much may the limit for hotels be exceeded?",
        "And by how much?",
    )
    assert "Is there a limit" in house.requests[0].messages[1].text
    assert house.runs[0].query == "By how much may the limit for hotels be exceeded?"


@pytest.mark.parametrize("reply", [ProviderUnavailable("down"), "no JSON", '{"questions": "one"}', 5.0])
async def test_the_question_itself_is_searched_when_no_model_words_it_anew(reply: Any) -> None:
    house = Library({"large": [reply, GOOD]})
    if isinstance(reply, ProviderUnavailable):
        house.replies["large"] = [reply, reply, GOOD]
    answer = await house.ask(ASKED, knowledge=knowing(queries=3), timeout_s=4)
    assert house.searched[0].queries == (ASKED["question"],)
    assert answer.status == "answered"
    assert "no questions" in detail(house, "retrieve")


async def test_a_model_that_may_not_see_the_run_words_nothing_anew() -> None:
    house = Library({"large": [OTHERS], "extractive": [GOOD]})
    answer = await house.ask(
        ASKED,
        knowledge=knowing(queries=3),
        data_class="confidential",
        models=(ModelId("cloud:large"), ModelId("local:extractive")),
    )
    assert house.searched[0].queries == (ASKED["question"],)
    assert (answer.status, answer.model) == ("answered", "local:extractive")
    assert f"may see up to {CLOUD.clearance}" in detail(house, "retrieve")


async def test_no_money_for_other_wordings_is_no_reason_to_fail() -> None:
    house = Library({"large": [OTHERS], "small": [GOOD]}, prices={"small": FREE})
    models = (ModelId("cloud:small"),)
    answer = await house.ask(
        ASKED,
        knowledge=knowing(queries=3),
        models=(ModelId("cloud:large"), *models),
        budget=Budget(Decimal("0.0000001"), None),
    )
    assert answer.status == "answered"
    assert [call.model for call in house.runs[0].calls] == ["cloud:small", "cloud:small"]


async def test_what_wordings_cost_is_booked_once_and_nothing_stays_set_aside() -> None:
    limit = Limit("key:a", "usd", Decimal(100))
    house = Library({"large": [OTHERS, GOOD]}, limits=(limit,))
    await house.ask(ASKED, knowledge=knowing(queries=3))
    assert house.till.used[("key:a", "usd")] == 6
    assert house.till.held[("key:a", "usd")] == 0


async def test_a_filter_takes_its_values_from_the_input_with_their_types() -> None:
    house = Library({"large": [GOOD]})
    schema = {**FEATURE.input_schema, "properties": {"question": {"type": "string"}, "year": {"type": "integer"}}}
    where = (
        Condition("year", "gte", "{{ input.year }}"),
        Condition("tag", "in", ["a", "{{ input.question }}!"]),
        Condition("kind", "eq", "policy"),
    )
    await house.ask(
        {"question": "q", "year": 2024}, knowledge=knowing(where=where, min_score=0), input_schema=schema
    )
    assert [condition.value for condition in house.searched[0].where] == [2024, ["a", "q!"], "policy"]


def off_topic(**changes: Any) -> Passage:
    return replace(PASSAGE, text="Tulips bloom in spring.", similarity=0.02, bm25=0.0, **changes)


@pytest.mark.parametrize("passages", [(), (off_topic(),)])
async def test_weak_evidence_ends_a_run_without_asking_a_model_to_invent(passages: tuple[Passage, ...]) -> None:
    house = Library({"large": [GOOD]}, finds=[Retrieval(passages, "policies@1")])
    answer = await house.ask(ASKED)
    assert (answer.status, answer.model, answer.cost_usd) == ("answered", "local:not_found", 0)
    assert answer.output == {"answer": "Not found in the sources.", "found": False}
    assert answer.evidence == ()
    assert house.requests == []
    assert "not found: support 0.0" in detail(house, "retrieve")


async def test_evidence_for_another_wording_is_evidence() -> None:
    worded = json.dumps({"questions": ["When do tulips bloom?"]})
    house = Library({"large": [worded, GOOD]}, finds=[Retrieval((off_topic(),), "policies@1")])
    await house.ask(ASKED, knowledge=knowing(queries=2, must_cite=False))
    assert "not found" not in detail(house, "retrieve")
    assert len(house.requests) > 1


async def test_what_is_not_found_is_said_in_the_contracts_words() -> None:
    house = Library({"large": [GOOD]}, finds=[Retrieval((), "policies@1")])
    values = {"answer": "Dazu steht nichts in den Regeln.", "found": False}
    answer = await house.ask(ASKED, fallback=values)
    assert (answer.status, answer.output) == ("answered", values)


async def test_an_output_that_cannot_say_that_nothing_was_found_is_a_models() -> None:
    house = Library(
        {"large": ['{"answer": "?", "citations": []}']}, finds=[Retrieval((off_topic(),), "policies@1")]
    )
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
    answer = await house.ask(ASKED, output_schema=schema, knowledge=knowing(must_cite=False))
    assert (answer.status, answer.model) == ("answered", "cloud:large")


async def test_a_contract_may_have_weak_evidence_read_all_the_same() -> None:
    house = Library(
        {"large": ['{"answer": "I do not know.", "found": false, "citations": []}']},
        finds=[Retrieval((off_topic(),), "p@1")],
    )
    answer = await house.ask(ASKED, knowledge=knowing(min_score=0.0))
    assert answer.model == "cloud:large"


async def test_a_document_that_went_away_is_not_quoted_and_the_search_is_made_again() -> None:
    other = replace(PASSAGE, chunk_id=2, version_id=2, source="travel-2.pdf")
    finds = [Retrieval((PASSAGE,), "policies@1"), Retrieval((other,), "policies@2")]
    house = Library({"large": [GOOD]}, finds=finds, gone=frozenset({1}), limits=(Limit("k", "usd", Decimal(100)),))
    answer = await house.ask(ASKED, attempts=0)
    assert (answer.status, answer.snapshot) == ("answered", "policies@2")
    assert [(item.source, item.version_id) for item in answer.evidence] == [("travel-2.pdf", 2)]
    assert (house.till.used[("k", "usd")], house.till.held[("k", "usd")]) == (6, 0)
    assert answer.cost_usd == 6
    [again] = [step for step in house.runs[0].steps if step.verdict == "retry"]
    assert again.detail == "travel.pdf changed while the answer was made"
    assert house.runs[0].told == {1}  # its words are in the first call


async def test_what_goes_away_again_and_again_gives_no_answer_but_a_reason() -> None:
    house = Library({"large": [GOOD]}, gone=frozenset({1}))
    answer = await house.ask(ASKED)
    assert (answer.status, answer.output, answer.evidence) == ("failed", None, ())
    assert answer.error is not None
    assert answer.error.code == "knowledge.changed"
    assert len(house.searched) == 2
    values = {"answer": "Ask the front desk.", "found": False}
    declared = await Library({"large": [GOOD]}, gone=frozenset({1})).ask(ASKED, fallback=values)
    assert (declared.status, declared.output) == ("fallback", values)


async def test_a_fallback_model_does_not_quote_what_went_away_either() -> None:
    house = Library({"large": [ProviderUnavailable("down")], "extractive": [GOOD]}, gone=frozenset({1}))
    answer = await house.ask(ASKED, fallback_model=ModelId("local:extractive"))
    assert (answer.status, answer.output) == ("failed", None)


async def test_a_stale_source_is_marked_for_the_model_and_in_the_evidence() -> None:
    stale = replace(PASSAGE, review_by=date(2020, 1, 31))
    house = Library({"large": [GOOD]}, finds=[Retrieval((stale,), "policies@1")])
    answer = await house.ask(ASKED)
    assert [item.is_stale for item in answer.evidence] == [True]
    assert 'outdated_since="2020-01-31"' in house.requests[0].messages[0].text
    current = await Library({"large": [GOOD]}).ask(ASKED)
    assert [item.is_stale for item in current.evidence] == [False]


async def test_sources_that_disagree_are_told_to_the_model_and_given_with_the_answer() -> None:
    text = "Hotels cost at most 90 EUR a night."
    other = replace(PASSAGE, chunk_id=2, version_id=2, source="old.pdf", text=text, end=100 + len(text))
    house = Library({"large": [GOOD]}, finds=[Retrieval((PASSAGE, other), "policies@1")])
    answer = await house.ask(ASKED)
    [contradiction] = answer.contradictions
    assert [said.quote for said in contradiction.statements] == ["Hotels cost at most 120 EUR a night.", text]
    told = house.requests[0].messages[0].text
    assert "These sources disagree" in told
    assert "1 and 2." in told
    assert f"sources disagree about {contradiction.about}: travel.pdf, old.pdf" in detail(house, "retrieve")
    assert (await Library({"large": [GOOD]}).ask(ASKED)).contradictions == ()


async def test_sources_that_disagree_about_something_else_are_not_given_with_the_answer() -> None:
    texts = ("Hotels cost at most 90 EUR a night.", "Hotels cost at most 80 EUR a night.")
    others = [
        replace(PASSAGE, chunk_id=at, version_id=at, source=f"old-{at}.pdf", text=text, end=100 + len(text))
        for at, text in enumerate(texts, start=2)
    ]
    first = replace(
        PASSAGE, text=PASSAGE.text.replace("Hotels cost at most 120 EUR a night.", "Trains come first.")
    )
    house = Library({"large": [GOOD]}, finds=[Retrieval((first, *others), "policies@1")])
    answer = await house.ask(ASKED)
    assert answer.evidence
    assert "sources disagree about" in detail(house, "retrieve")
    assert answer.contradictions == ()


async def test_built_in_models_say_themselves_that_nothing_was_found() -> None:
    house = Library({"extractive": [GOOD]}, finds=[Retrieval((off_topic(), PASSAGE), "policies@1")])
    local = (ModelId("local:extractive"),)
    assert (await house.ask({"question": "Tulips?"}, models=local)).model == "local:extractive"
    strict = await house.ask({"question": "Violets?"}, models=local, knowledge=knowing(min_score=1.0))
    assert strict.model == "local:not_found"


async def test_no_further_model_is_told_what_went_away() -> None:
    house = Library({"large": [GOOD], "extractive": [GOOD]}, gone=frozenset({1}))
    answer = await house.ask(ASKED, fallback_model=ModelId("local:extractive"))
    assert answer.error is not None
    assert (answer.status, answer.error.code) == ("failed", "knowledge.changed")
    assert {call.model for call in house.runs[0].calls} == {"cloud:large"}
