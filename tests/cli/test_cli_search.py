"""Searching from the command line: what it finds, for whom, and where it can be looked at."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from steadyhand.cli.search import shown, somebody, where
from steadyhand.errors import InvalidInput
from steadyhand.types.condition import Condition
from steadyhand.types.passage import Passage

HOTELS = Passage(
    chunk_id=1,
    version_id=7,
    knowledge_base="policies",
    source="on the road/travel.pdf",
    title="Travel",
    section="Travel > Hotels",
    page=3,
    start=100,
    end=134,
    text="Hotels cost at most 120 EUR a night.",
    data_class="internal",
    score=0.934,
    bm25=4.0,
    similarity=0.8,
)


def test_a_passage_has_its_place_and_where_served_a_link_to_its_words() -> None:
    assert shown(1, HOTELS, 80).splitlines() == [
        "1   0.93  on the road/travel.pdf, page 3  Travel > Hotels",
        "    Hotels cost at most 120 EUR a night.",
    ]
    assert shown(1, HOTELS, 80, "http://127.0.0.1:8484").splitlines()[2] == (
        "    http://127.0.0.1:8484/knowledge/policies/on%20the%20road/travel.pdf?page=3&start=100&end=134&version=7#span"
    )


def test_filters_are_pairs_or_json_and_add_up() -> None:
    assert where(["department=hr", "year=2026", 'added={"gte": 1}', '{"year": {"lt": 2030}, "x": true}']) == (
        Condition("department", "eq", "hr"),
        Condition("year", "eq", 2026),
        Condition("added", "eq", '{"gte": 1}'),
        Condition("year", "lt", 2030),
        Condition("x", "eq", True),
    )


@pytest.mark.parametrize("written", ["department", "=hr", "{oops", "[1]"])
def test_a_filter_that_is_none_says_how_they_are_written(written: str) -> None:
    with pytest.raises(InvalidInput, match="expected KEY=VALUE or a JSON object"):
        where([written])


def test_somebody_sees_no_more_than_the_labels_say() -> None:
    assert somebody("hr, board").sees == {"hr", "board", "everyone"}
    assert somebody("").sees == {"everyone"}


def test_a_search_finds_filters_and_reorders(inside: Callable[..., CompletedProcess[str]], company: Path) -> None:
    def found(*options: str) -> list[str]:
        done = inside("search", "policies", "hotel limit", "--json", "-w", str(company), *options)
        assert done.returncode == 0, done.stderr
        return [passage["source"] for passage in json.loads(done.stdout)["passages"]]

    assert found()[0] == "travel-policy.pdf"
    assert set(found("--filter", "source=remote-work.md")) == {"remote-work.md"}
    assert found("--as", "nothing", "--rerank", "lexical", "--top", "1") == ["travel-policy.pdf"]
    refused = inside("search", "policies", "x", "--as-of", "999999", "-w", str(company))
    assert refused.returncode == 2
    assert "expected a revision of 'policies'" in refused.stderr
    refused = inside("search", "policies", " ", "-w", str(company))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "found an empty text" in refused.stderr
    refused = inside("search", "policies", "x", "--rerank", "lexcal", "-w", str(company))
    assert (refused.returncode, 'did you mean "lexical"?' in refused.stderr) == (2, True)


def test_a_filter_that_leaves_nothing_is_told_what_there_is(empty: Path, inside) -> None:
    where = ("-w", str(empty))
    (empty / "knowledge" / "notes" / "travel.md").write_text(
        "---\ndepartment: hr\nyear: 2026\n---\n\nHotels cost 120 EUR."
    )
    inside("ingest", "notes", *where)
    found = inside("search", "notes", "hotels", "--filter", "dept=hr", *where)
    assert (found.returncode, found.stdout) == (0, "")
    assert found.stderr.splitlines()[-1] == "fields of its documents: department, year"
