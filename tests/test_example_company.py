"""The example company tells one story: its documents, data, labels and gold answers agree with each other."""

import csv
import json
import re
import tomllib
import zipfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import cel
import pypdfium2
import pytest
from lxml import etree, html

from steadyhand import settings

COMPANY = Path(__file__).parents[1] / "examples" / "company"
KNOWLEDGE = COMPANY / "knowledge"
DOCUMENTS = sorted(path for path in KNOWLEDGE.rglob("*") if path.is_file())
TRIAGE = COMPANY / "features" / "ticket_triage"
CONFERENCE = (
    "When the conference hotel is full, the limit may be exceeded by up to 20 % "
    "with the approval of the budget owner."
)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def contract(feature: str) -> dict[str, Any]:
    return tomllib.loads((COMPANY / "features" / feature / "feature.toml").read_text("utf-8"))


def catalogue() -> dict[str, dict[str, str]]:
    with (COMPANY / "data" / "catalogue.csv").open(encoding="utf-8", newline="") as file:
        return {row["sku"]: row for row in csv.DictReader(file)}


@cache
def pages(path: Path) -> tuple[str, ...]:
    """The text of each page, with every run of white space as one space. Only a PDF has more than one."""
    match path.suffix:
        case ".pdf":
            document = pypdfium2.PdfDocument(path)
            texts = [page.get_textpage().get_text_bounded() for page in document]
        case ".docx":
            root = etree.fromstring(zipfile.ZipFile(path).read("word/document.xml"))
            paragraphs = root.iter("{*}p")
            texts = ["\n".join("".join(run.text or "" for run in p.iter("{*}t")) for p in paragraphs)]
        case ".html":
            texts = [" ".join(html.fromstring(path.read_bytes()).itertext())]
        case _:
            texts = [path.read_text("utf-8")]
    return tuple(" ".join(text.split()) for text in texts)


ANSWERABLE = [case for case in lines(COMPANY / "features/policy_answers/gold.jsonl") if case["expect"]["found"]]
GOLD_TICKETS = lines(TRIAGE / "gold.jsonl")
LABELLED = [(case["input"], case["output"]) for case in lines(TRIAGE / "examples.jsonl")] + [
    (ticket, ticket["label"]) for ticket in lines(COMPANY / "data" / "tickets.jsonl")
]


def test_twenty_five_documents_in_five_formats() -> None:
    kinds = Counter(path.suffix for path in DOCUMENTS)
    assert kinds == {".md": 11, ".html": 5, ".txt": 4, ".pdf": 3, ".docx": 2}
    assert all(path.stat().st_size < 200_000 for path in DOCUMENTS)


def test_the_settings_can_be_read() -> None:
    bases = settings.read(COMPANY).knowledge
    assert {name: base.data_class for name, base in bases.items()} == {"policies": "internal", "products": "public"}
    assert all((COMPANY / source.path).is_dir() for base in bases.values() for source in base.sources)


def test_the_conference_rule_stands_on_page_three_of_the_travel_policy() -> None:
    travel = pages(KNOWLEDGE / "policies" / "travel-policy.pdf")
    assert len(travel) >= 4
    assert [number for number, text in enumerate(travel, start=1) if CONFERENCE in text] == [3]


@pytest.mark.parametrize("case", ANSWERABLE, ids=lambda case: case["input"]["question"])
def test_a_gold_answer_stands_where_it_says(case: dict[str, Any]) -> None:
    expected = case["expect"]
    if "source" in expected:
        assert expected["contains"] in pages(KNOWLEDGE / "policies" / expected["source"])[expected["page"] - 1]
    else:  # several documents say the same
        assert sum(expected["contains"] in text for path in DOCUMENTS for text in pages(path)) > 1


def test_some_gold_questions_have_no_answer() -> None:
    cases = lines(COMPANY / "features/policy_answers/gold.jsonl")
    assert len(cases) >= 30
    assert sum(case["expect"] == {"found": False} for case in cases) >= 6


@pytest.mark.parametrize("field", ["urgency", "category", "sentiment"])
def test_people_gave_only_labels_that_the_contract_allows(field: str) -> None:
    allowed = set(contract("ticket_triage")["output"][field].split(" | "))
    assert {label[field] for _, label in LABELLED} == allowed  # and each of them occurs


def test_every_language_is_written_as_its_code() -> None:
    assert {label["language"] for _, label in LABELLED} == {"en", "de", "fr", "tr", "es"}


def test_every_channel_is_one_that_the_contract_allows() -> None:
    allowed = set(contract("ticket_triage")["input"]["channel"].removesuffix(" ?").split(" | "))
    assert {ticket["channel"] for ticket, _ in LABELLED} == allowed


def test_gold_tickets_are_tickets_and_never_examples() -> None:
    tickets = {ticket["body"]: ticket["label"] for ticket in lines(COMPANY / "data" / "tickets.jsonl")}
    examples = {case["input"]["body"] for case in lines(TRIAGE / "examples.jsonl")}
    assert len(GOLD_TICKETS) == 40
    assert all(tickets[case["input"]["body"]] == case["expect"] for case in GOLD_TICKETS)
    assert not examples & set(tickets)


def test_no_rule_contradicts_a_person_and_each_is_of_use() -> None:
    for rule in contract("ticket_triage")["rule"]:
        holds = cel.compile(rule["when"])
        decided = [label for ticket, label in LABELLED if holds.execute({"input": ticket})]
        assert decided, f"never holds: {rule['when']}"
        assert all(label[field] == value for label in decided for field, value in rule["then"].items()), rule


@pytest.mark.parametrize("feature", ["policy_answers", "ticket_triage"])
def test_the_checks_are_expressions(feature: str) -> None:
    for check in contract(feature)["check"]:
        output = {"found": False, "category": "billing", "urgency": "low", "sentiment": "neutral"}
        assert cel.compile(check["rule"]).execute({"output": output, "evidence": []}) is True


def test_the_price_list_names_every_product_at_its_price() -> None:
    text = " ".join(pages(KNOWLEDGE / "products" / "price-list-2026.pdf"))
    missing = [row["name"] for row in catalogue().values() if price_list_row(row) not in text]
    assert missing == []


def price_list_row(row: dict[str, str]) -> str:
    return f"{row['sku']} {row['name']} {int(row['weight_g']):,} {row['price_eur']}"


def test_the_shop_sells_the_catalogue_at_its_prices() -> None:
    script = (COMPANY / "data" / "shop.sql").read_text("utf-8")
    products = dict(re.findall(r"^ +\('(TW-[A-Z]{3}-\d{3})', '[^']+', '[^']+', ([\d.]+),", script, re.MULTILINE))
    prices = {sku: row["price_eur"] for sku, row in catalogue().items()}
    assert products == prices
    items = re.findall(r"^ +\(\d+, '(TW-[A-Z]{3}-\d{3})', \d+, ([\d.]+)\)", script, re.MULTILINE)
    assert len(items) > 500
    assert all(prices[sku] == price for sku, price in items)


def test_documents_give_a_product_the_price_of_the_catalogue() -> None:
    text = " ".join(page for path in DOCUMENTS for page in pages(path))
    stated = re.findall(r"(TW-[A-Z]{3}-\d{3}),? EUR (\d+\.\d\d)", text)
    assert len(stated) >= 7
    assert set(re.findall(r"TW-[A-Z]{3}-\d{3}", text)) == set(catalogue())
    assert all(catalogue()[sku]["price_eur"] == price for sku, price in stated)


def test_the_warranty_of_a_product_is_the_one_that_customers_are_promised() -> None:
    promised = " ".join(pages(KNOWLEDGE / "policies" / "returns-and-warranty.html"))
    words = {"Bags": "Bags and racks", "Racks": "Bags and racks", "Trailers": "Child trailers and accessories"}
    words |= {"Lights": "Lights, built-in battery included", "Tools": "Tools and security"}
    for row in catalogue().values():
        assert f"{words.get(row['category'], row['category'])} {row['warranty_years']} years" in promised


def test_nobody_real_can_be_written_to() -> None:
    texts = [path.read_text("utf-8") for path in (COMPANY / "data").iterdir()]
    texts += [page for path in DOCUMENTS for page in pages(path)]
    domains = set(re.findall(r"@([\w.-]+\w)", " ".join(texts)))
    assert domains == {"example.com", "tarnwald.example"}
