"""The extractive model: every answer is the source's own words, or a plain no."""

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadyhand.errors import ProviderRefused
from steadyhand.features.shorttypes import object_schema
from steadyhand.knowledge.embedders.minilm import MiniLM
from steadyhand.providers.builtin import _select, extractive
from steadyhand.providers.builtin._answer_type import asked_for, offers
from steadyhand.types.json import JsonSchema
from steadyhand.types.model import Task
from steadyhand.types.passage import Passage
from steadyhand.types.ports import Vectors

ANSWER: JsonSchema = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "found": {"type": "boolean"}},
    "required": ["answer", "found"],
}
HOTELS = (
    "Hotels are booked by the travel desk. The limit is 140 EUR per night in Europe and 190 EUR elsewhere. "
    "When the conference hotel is full, the limit\nmay be exceeded by up to 20 % with the approval of the budget "
    "owner."
)
TRAINS = "Trains are booked in second class. Journeys of more than four hours may be booked in first class."


def passage(text: str, number: int = 1, score: float = 1.0) -> Passage:
    return Passage(
        chunk_id=number, version_id=1, knowledge_base="policies", source="travel.pdf", title="Travel", section="",
        page=number, start=0, end=len(text), text=text, data_class="internal", score=score, bm25=1.0, similarity=0.5,
    )  # fmt: skip


def task_of(question: str, *texts: str, schema: JsonSchema = ANSWER) -> Task:
    passages = tuple(passage(text, number, 1 / number) for number, text in enumerate(texts, start=1))
    return Task(input={"question": question}, query=question, output_schema=schema, passages=passages)


class Counted:
    """An embedder that remembers what it was asked; its vectors say nothing."""

    id = "counted"

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(list(texts))
        return np.tile(np.float32([1, 0]), (len(texts), 1))


def test_the_answer_is_quoted_and_cited(embed: MiniLM):
    question = "May I book above the hotel limit when the conference hotel is full?"
    completion = extractive.build(embed)(task_of(question, TRAINS, HOTELS))
    output = json.loads(completion.text)
    first = output["citations"][0]
    assert output["found"] is True
    assert first["passage"] == 2
    assert first["quote"].startswith("When the conference hotel is full")
    assert first["quote"] in HOTELS
    assert output["answer"].startswith('"When the conference hotel is full, the limit may be exceeded')
    assert " [1]" in output["answer"]
    assert completion.confidence is not None
    assert 0.5 < completion.confidence <= 1


def test_a_question_off_the_topic_finds_nothing(embed: MiniLM):
    completion = extractive.build(embed)(task_of("Who won the football match on Sunday?", HOTELS, TRAINS))
    assert json.loads(completion.text) == {"answer": extractive.NOT_FOUND, "found": False, "citations": []}
    assert completion.confidence is not None
    assert completion.confidence < 0.5


@pytest.mark.parametrize("texts", [(), ("",), ("# Heading\n\nOk.",)])
def test_no_sentences_are_no_answer(texts: tuple[str, ...]):
    completion = extractive.build(Counted())(task_of("What is the limit?", *texts))
    assert json.loads(completion.text)["found"] is False
    assert completion.confidence == 0


def test_sentences_are_embedded_in_one_call_with_the_one_before_them():
    embed = Counted()
    many = " ".join(f"Rule number {n} is about hotels." for n in range(80))
    extractive.build(embed)(task_of("Which rule is about hotels?", many, HOTELS))
    (texts,) = embed.calls
    assert len(texts) == 1 + _select.SHORTLIST
    assert texts[0] == "Which rule is about hotels?"
    assert any("Rule number 0 is about hotels.\nRule number 1 is about hotels." in text for text in texts)


def test_a_sentence_in_two_overlapping_passages_is_quoted_once(embed: MiniLM):
    output = json.loads(extractive.build(embed)(task_of("What is the hotel limit?", HOTELS, HOTELS)).text)
    quotes = [citation["quote"] for citation in output["citations"]]
    assert len(quotes) == len(set(quotes))


def test_a_long_table_is_quoted_by_its_lines(embed: MiniLM):
    table = "\n".join(f"Size {n} weighs {n * 37} grams and costs {n * 11} EUR" for n in range(1, 40))
    output = json.loads(extractive.build(embed)(task_of("What does size 17 cost?", table)).text)
    assert output["citations"][0]["quote"] == "Size 17 weighs 629 grams and costs 187 EUR"


def test_a_row_of_a_table_is_understood_by_its_first_line(embed: MiniLM):
    table = "Country Full day Partial day\nAustria 40 27\nBelgium 42 28\nFrance 48 32\nSpain 36 24"
    output = json.loads(extractive.build(embed)(task_of("How much is a full day in France?", table)).text)
    assert output["citations"][0]["quote"] == "France 48 32"


def test_a_question_in_the_source_is_answered_by_what_follows_it(embed: MiniLM):
    faq = (
        "Can I wash the jacket in a machine? Yes, at 30 degrees. Is it waterproof? It keeps out rain for two hours."
    )
    output = json.loads(extractive.build(embed)(task_of("Is the jacket waterproof?", faq)).text)
    assert output["citations"][0]["quote"] == "It keeps out rain for two hours."


def test_headings_are_not_answers_and_bullets_are_not_quoted():
    text = "Limits per night\n\n- The limit for hotels is 140 EUR.\n- Trains have no limit at all."
    found = replace(passage(text), section="Travel > Limits per night")
    ranking = _select.rank("What is the limit per night?", [found], Counted())
    assert [it.text for it in ranking.sentences] == [
        "The limit for hotels is 140 EUR.",
        "Trains have no limit at all.",
    ]


def test_the_text_fits_the_room_it_is_given(embed: MiniLM):
    schema = {"type": "object", "properties": {"answer": {"type": "string", "maxLength": 60}}}
    output = json.loads(extractive.build(embed)(task_of("What is the hotel limit?", HOTELS, schema=schema)).text)
    assert len(output["answer"]) <= 60
    assert len(output["citations"]) == output["answer"].count('" [')


@pytest.mark.parametrize(
    ("properties", "required", "told"),
    [
        ({"answer": {"type": "string"}, "due": {"type": "number"}}, ["answer", "due"], "due"),
        ({"kind": {"type": "string", "enum": ["a", "b"]}}, [], "text field"),
        ({}, [], "text field"),
    ],
)
def test_fields_it_cannot_fill_are_refused(properties: JsonSchema, required: list[str], told: str):
    schema: JsonSchema = {"type": "object", "properties": dict(properties), "required": list(required)}
    with pytest.raises(ProviderRefused) as caught:
        extractive.build(Counted())(task_of("What?", HOTELS, schema=schema))
    assert told in caught.value.hint


def test_an_optional_field_it_cannot_fill_is_left_out(embed: MiniLM):
    schema = {"type": "object", "properties": {"answer": {"type": "string"}, "n": {"type": "number"}}}
    output = json.loads(extractive.build(embed)(task_of("What is the hotel limit?", HOTELS, schema=schema)).text)
    assert output.keys() == {"answer", "citations"}


@settings(max_examples=60)
@given(question=st.text(max_size=60), texts=st.lists(st.text(max_size=300), max_size=4))
def test_every_quote_is_an_exact_slice_of_its_passage(question: str, texts: list[str]):
    asked = task_of(question, *texts)
    for citation in json.loads(extractive.build(Counted())(asked).text)["citations"]:
        assert citation["quote"] in asked.passages[citation["passage"] - 1].text


def test_a_better_passage_wins_between_equal_sentences():
    passages = [replace(passage(HOTELS, 1), score=0.2), replace(passage(HOTELS + " Really.", 2), score=0.9)]
    ranking = _select.rank("What is the limit per night?", [passages[0], passages[1]], Counted())
    assert list(ranking.share) == sorted(ranking.share, reverse=True)
    assert ranking.share.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("How many nights are paid?", {"number"}),
        ("When is the report due?", {"number", "time"}),
        ("Who approves a trip?", {"name"}),
        ("Which department keeps the receipts?", {"name"}),
        ("Why is it so?", set()),
    ],
)
def test_a_question_tells_what_kind_of_answer_it_wants(question: str, kinds: set[str]):
    assert asked_for(question) == kinds


def test_a_number_of_the_question_is_not_an_answer():
    assert offers("It takes 14 days.", "number", frozenset({"days"}))
    assert not offers("In 2005 it rose.", "number", frozenset({"2005"}))
    assert offers("It is due on Monday.", "time", frozenset())
    assert offers("Ask the Budget Owner.", "name", frozenset())
    assert not offers("Ask the Budget Owner.", "name", frozenset({"budget", "owner"}))


def test_the_answer_goes_to_free_text_and_not_to_a_date(embed: MiniLM):
    schema, _ = object_schema({"on": "date ?", "answer": "text", "found": "boolean"}, ("output",))
    output = json.loads(
        extractive.build(embed)(task_of("Which class are trains booked in?", TRAINS, schema=schema)).text
    )
    assert "second class" in output["answer"]
    assert output["found"] is True
    assert "on" not in output
