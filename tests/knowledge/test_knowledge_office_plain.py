"""What is read of CSV, JSON, web pages and Markdown, beyond the contract of all readers."""

import json

import pytest
from test_knowledge_readers import read, shown, the

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.reading import formats

# CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_what_parts_the_cells_is_found(delimiter: str) -> None:
    rows = [["Name", "Price", "Note"], ["Bolt", "1.50", '"M6, short"'], ["Nut", "0.20", ""]]
    content = "\n".join(delimiter.join(row) for row in rows).encode()
    assert shown(read("csv", content)) == ["Name | Price | Note\nBolt | 1.50 | M6, short\nNut | 0.20"]


def test_decimal_commas_do_not_part_the_cells() -> None:
    content = "Größe;Preis\n1,5;2,50\n2,5;3,75\n".encode("cp1252")
    assert shown(read("csv", content)) == ["Größe | Preis\n1,5 | 2,50\n2,5 | 3,75"]


def test_a_hint_for_spreadsheets_is_followed_and_not_shown() -> None:
    assert shown(read("csv", b"sep=|\nName|Price\nBolt|1\n")) == ["Name | Price\nBolt | 1"]


def test_a_cell_of_several_lines_stays_in_its_row() -> None:
    assert shown(read("csv", b'Name,Note\nBolt,"first\nsecond"\n')) == ["Name | Note\nBolt | first second"]


def test_rows_above_the_table_and_after_a_blank_line_are_kept_apart() -> None:
    content = b"Report of March\n\nSite,Teams\nGhent,3\n\nSite,Heads\nGhent,Ada\n"
    document = read("csv", content)
    assert shown(document) == ["Report of March", "Site | Teams\nGhent | 3", "Site | Heads\nGhent | Ada"]
    assert [block.header_end > 0 for block in document.blocks] == [False, True, True]


def test_rows_of_figures_alone_have_no_column_titles() -> None:
    assert read("csv", b"1,2\n3,4\n").blocks[0].header_end == 0


def test_a_quotation_without_end_is_named_with_its_line() -> None:
    with pytest.raises(DocumentUnreadable, match=r"found line \d+ broken"):
        read("csv", b'a,b\n1,"' + b"x" * 200_000)


# JSON


def test_fields_stand_behind_their_keys_and_sections_follow_the_path() -> None:
    source = {
        "name": "Pump house",
        "open": True,
        "tags": ["a", "b"],
        "site": {"city": "Ghent", "owner": {"since": 1998}},
    }
    document = read("json", json.dumps(source).encode())
    assert document.title == "Pump house"
    assert shown(document) == [
        "name: Pump house\nopen: true\ntags: a, b",
        "site",
        "city: Ghent",
        "owner",
        "since: 1998",
    ]
    assert the(document, "1998").section == "site > owner"


def test_numbers_are_shown_as_they_are_written() -> None:
    assert shown(read("json", b'{"price": 1.10, "id": 12345678901234567890123}')) == [
        "price: 1.10\nid: 12345678901234567890123"
    ]


def test_records_that_are_alike_become_a_table_and_long_ones_sections() -> None:
    rows = [{"id": 1, "city": "Ghent"}, {"id": 2, "city": "Bern", "open": False}]
    table = read("json", json.dumps(rows).encode())
    assert shown(table, "table") == ["id | city | open\n1 | Ghent\n2 | Bern | false"]
    articles = [{"title": "Hotels", "text": "word " * 60}, {"title": "Trains", "text": "other " * 60}]
    document = read("json", json.dumps(articles).encode())
    assert shown(document, "heading") == ["Hotels", "Trains"]
    assert the(document, "other").section == "Trains"


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json"])
def test_a_file_may_hold_a_record_per_line(name: str) -> None:
    content = b'{"id": 1, "city": "Ghent"}\n\n{"id": 2, "city": "Bern"}\n'
    assert formats.read_document(content, name).text == "id | city\n1 | Ghent\n2 | Bern"


def test_a_record_that_differs_ends_the_table() -> None:
    lines = [{"id": at, "city": "Ghent"} for at in range(60)] + [
        {"id": 60, "more": {"a": 1}},
        {"id": 61, "city": "Bern"},
    ]
    document = formats.read_document("\n".join(map(json.dumps, lines)).encode(), "a.jsonl")
    assert [block.kind for block in document.blocks] == [
        "table",
        "heading",
        "paragraph",
        "heading",
        "paragraph",
        "table",
    ]


def test_a_broken_line_is_named() -> None:
    with pytest.raises(DocumentUnreadable, match="at line 2, column 9"):
        formats.read_document(b'{"id": 1}\n{"id": 2\n', "a.jsonl")


# Web pages


def test_a_web_page_says_who_wrote_it_and_when() -> None:
    page = """<html lang="de"><head><title>Hinweise</title><meta name="author" content=" Ada  L. ">
        <meta property="article:published_time" content="2026-03-01T08:00:00+01:00">
        <meta name="description" content="Was zu tun ist."><meta name="keywords" content="Pumpe, Wasser">
        <link rel="canonical" href="https://x.example/hinweise"></head><body><p>Text.</p></body></html>"""
    assert read("html", page.encode()).metadata == {
        "author": "Ada L.",
        "date": "2026-03-01T08:00:00+01:00",
        "description": "Was zu tun ist.",
        "keywords": ["Pumpe", "Wasser"],
        "canonical": "https://x.example/hinweise",
        "lang": "de",
    }


def test_furniture_of_a_web_page_is_left_out() -> None:
    links = "".join(f'<li><a href="/{at}">Page number {at}</a></li>' for at in range(6))
    page = f"""<body><div class="cookie-banner">We use cookies.</div><ul>{links}</ul>
        <div id="content"><h1>Pumps</h1><p>{"Pumps move water from one place to another. " * 12}</p>
        <p>See <a href="/a">valves</a>.</p></div><div class="share-buttons">Share this</div></body>"""
    document = read("html", page.encode())
    assert shown(document)[0] == "Pumps"
    assert document.text.endswith("See valves.")


def test_a_page_that_is_nothing_but_links_is_read() -> None:
    links = "".join(f'<li><a href="/{at}">Page number {at}</a></li>' for at in range(6))
    assert "Page number 5" in read("html", f"<body><ul>{links}</ul></body>".encode()).text


def test_a_page_inside_a_form_is_read() -> None:
    assert read("html", b"<form><div>All of it.</div><input></form>").text == "All of it."


def test_pictures_of_a_web_page_are_read_by_what_they_say_of_themselves() -> None:
    page = '<p>Look: <img src="a.png" alt="A pump in the yard"> and <img alt="img_1.png"><img alt="*">there.</p>'
    assert read("html", page.encode()).text == "Look: A pump in the yard and there."


def test_lists_of_a_web_page_count_from_where_they_say() -> None:
    page = "<ol start=3><li>three<li>four<li value=9>nine<li>ten</ol>"
    assert read("html", page.encode()).text == "3. three\n4. four\n9. nine\n10. ten"


def test_all_rows_of_titles_of_a_table_are_kept_and_a_table_in_a_cell_stays_there() -> None:
    page = """<table><thead><tr><th>Sales<th>Costs</tr><tr><th>EUR<th>EUR</tr></thead>
        <tr><td>1<td><table><tr><td>a<td>2</table></table>"""
    document = read("html", page.encode())
    assert shown(document) == ["Sales | Costs\nEUR | EUR\n1 | a 2"]
    assert document.text[: document.blocks[0].header_end] == "Sales | Costs\nEUR | EUR"


def test_a_cell_is_said_again_in_every_row_and_a_title_above_every_column_it_spans() -> None:
    page = """<table><tr><th rowspan=2>Site<th colspan=2>Sales</tr><tr><th>2024<th>2025</tr>
        <tr><td rowspan=2>Ghent<td>1<td>2</tr><tr><td>3<td>4</tr><tr><td colspan=3>No others</tr></table>"""
    rows = ["Site | Sales | Sales", "Site | 2024 | 2025", "Ghent | 1 | 2", "Ghent | 3 | 4", "No others"]
    assert read("html", page.encode()).text.split("\n") == rows


def test_a_row_that_the_next_one_says_again_is_left_out() -> None:
    page = "<table><tr><td rowspan=3>2025</tr><tr><td>May<td>1</tr><tr><td>June<td>2</tr></table>"
    assert read("html", page.encode()).text == "2025 | May | 1\n2025 | June | 2"
    every_second = "<table><tr><td rowspan=2>a<td rowspan=2>b</tr><tr></tr><tr><td>c<td>d</tr></table>"
    assert read("html", every_second.encode()).text == "a | b\nc | d"


def test_spans_make_no_table_larger_than_a_document_may_be() -> None:
    cells = f"<td rowspan=65534>{'x' * 100}</td>" * 900
    with pytest.raises(DocumentUnreadable, match="expected at most"):
        read("html", f"<table><tr>{cells}</tr>{'<tr><td>y</tr>' * 5_000}</table>".encode())
    assert len(read("html", b"<table><tr><th colspan=999999>a<th>b</tr></table>").text) < 10_000


@pytest.mark.parametrize("tag", ["nav", "aside", "noscript", "div hidden"])
def test_a_part_that_is_never_closed_does_not_swallow_the_page(tag: str) -> None:
    page = f"<body><{tag}><a href='/'>Home</a><div><p>{'Pumps move water. ' * 60}</p></div></body>"
    assert "Pumps move water." in read("html", page.encode()).text


def test_a_page_without_links_and_navigation_keeps_its_foot() -> None:
    page = b"<h1>Report</h1><p>All is well.</p><footer>Version 3, confidential</footer>"
    assert read("html", page).text.endswith("Version 3, confidential")
    assert read("html", b"<a href='/'>Home</a>" + page).text.endswith("All is well.")


def test_links_side_by_side_stay_apart_and_readings_of_signs_are_left_out() -> None:
    page = "<p><a href=a>Valves</a><a href=b>Pumps</a>, <ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby></p>"
    assert read("html", page.encode()).text == "Valves Pumps, 漢字"


def test_control_characters_of_a_web_page_are_harmless() -> None:
    page = b"<p>one\x0btwo&#11;three<br>\x01four</p><nav>\x02</nav>\x03"
    assert read("html", page).text == "one two three\nfour"


# Markdown


def test_what_stands_on_top_of_markdown_becomes_metadata() -> None:
    source = """---
title: "On pumps"
Author: Ada Lovelace   # the first
date: 2026-03-01
draft: false
version: 3
share: 0.5
tags: [water, "a, b", 'it''s']
sites:
  - Ghent
  - Bern
summary: >
  Long
  text.
empty:
deep:
  inner: 1
odd: {a: 1}
---
Text.
"""
    document = read("markdown", source.encode())
    assert document.title == "On pumps"
    assert document.text == "Text."
    assert document.metadata == {
        "author": "Ada Lovelace",
        "date": "2026-03-01",
        "draft": False,
        "version": 3,
        "share": 0.5,
        "tags": ["water", "a, b", "it's"],
        "sites": ["Ghent", "Bern"],
        "summary": "Long text.",
    }


def test_toml_on_top_of_markdown_is_read_as_well() -> None:
    source = '+++\ntitle = "On pumps"\ntags = ["a", "b"]\nweight=2\n+++\nText.\n'
    document = read("markdown", source.encode())
    assert (document.title, document.metadata) == ("On pumps", {"tags": ["a", "b"], "weight": 2})
