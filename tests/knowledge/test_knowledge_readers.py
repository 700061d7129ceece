"""The contract of every reader, and what each format has of its own."""

import codecs
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from document_files import ITEM, POLICY, Print, docx, p, page_of, pdf, tbl

from steadyhand import plugins
from steadyhand.errors import DocumentError, DocumentUnreadable
from steadyhand.knowledge.reading import formats
from steadyhand.types.document import Block, Document

READERS = plugins.names("knowledge.readers")
ONLY_TABLES = {"csv"}
WITHOUT_TEXT = {"image"}


def read(reader: str, content: bytes) -> Document:
    extension = plugins.load("knowledge.readers", reader).EXTENSIONS[0]
    document = formats.read_document(content, f"folder/file{extension}")
    assert_consistent(document)
    return document


def assert_consistent(document: Document) -> None:
    """What the words `Page` and `Block` promise."""
    end = 0
    for number, page in enumerate(document.pages, start=1):
        assert page.number == number
        assert end <= page.start <= page.end <= len(document.text)
        end = page.end
    end = 0
    for block in document.blocks:
        page = document.pages[block.page - 1]
        assert max(end, page.start) <= block.start < block.end <= page.end
        assert not document.text[end : block.start].strip()
        assert block.header_end == 0 or block.start < block.header_end <= block.end
        end = block.end
    assert not document.text[end:].strip()


def shown(document: Document, kind: str = "") -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks if kind in {"", block.kind}]


def the(document: Document, text: str) -> Block:
    """The block that holds a text."""
    at = document.text.index(text)
    return next(block for block in document.blocks if block.start <= at < block.end)


@pytest.mark.parametrize("reader", sorted(set(READERS) - ONLY_TABLES - WITHOUT_TEXT))
def test_every_reader_finds_the_parts_of_a_document(reader: str) -> None:
    document = read(reader, POLICY[reader])
    assert document.title == "Travel policy"
    assert len(document.pages) == 1
    assert the(document, "140 euros per night.").kind == "paragraph"
    assert the(document, "140 euros per night.").section.endswith("Hotels")
    assert the(document, "without city tax").kind == "list"


@pytest.mark.parametrize("reader", sorted(set(READERS) - WITHOUT_TEXT))
def test_every_reader_keeps_the_rows_and_the_column_titles_of_a_table(reader: str) -> None:
    document = read(reader, POLICY[reader])
    table = the(document, "Berlin")
    assert table.kind == "table"
    assert document.text[table.start : table.header_end].split()[0] == "City"
    rows = document.text[table.start : table.end].split("\n")
    assert [row.split()[-1] for row in rows] == ["Limit", "140", "215"]
    assert rows[2].startswith("Zürich")


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_lists_extensions_in_lower_case_that_nobody_else_has(reader: str) -> None:
    extensions = plugins.load("knowledge.readers", reader).EXTENSIONS
    others = {
        e for other in READERS if other != reader for e in plugins.load("knowledge.readers", other).EXTENSIONS
    }
    assert extensions
    assert all(extension == extension.lower() and extension.startswith(".") for extension in extensions)
    assert not others & set(extensions)
    assert set(extensions) <= formats.supported()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("content", [b"", b" \n\t", b"\xef\xbb\xbf"])
def test_every_reader_says_when_there_is_no_text(reader: str, content: bytes) -> None:
    with pytest.raises(DocumentUnreadable, match=r"file\."):
        read(reader, content)


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_takes_any_bytes_without_another_error_than_ours(reader: str) -> None:
    extension = plugins.load("knowledge.readers", reader).EXTENSIONS[0]
    whole = POLICY[reader]
    for content in (whole[: len(whole) // 2], whole[len(whole) // 2 :], whole[::-1], bytes(range(256)) * 4):
        with suppress(DocumentError):
            assert_consistent(formats.read_document(content, f"file{extension}"))


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_may_be_called_from_several_threads(reader: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        documents = list(threads.map(lambda _: read(reader, POLICY[reader]), range(12)))
    assert documents == [documents[0]] * 12


# PDF


def test_a_pdf_keeps_its_pages_also_empty_ones() -> None:
    document = read("pdf", pdf([page_of("The first page."), [], page_of("The third page.")]))
    assert [document.text[page.start : page.end] for page in document.pages] == [
        "The first page.",
        "",
        "The third page.",
    ]


def test_a_pdf_is_named_by_its_largest_type_when_its_title_is_none() -> None:
    page = [Print("Annual report", y=700, size=24), Print("Some words about the year.", y=650)]
    assert read("pdf", pdf([page], title="0000320193-22-000070")).title == "Annual report"
    assert read("pdf", pdf([page], title="Microsoft Word - draft.doc")).title == "Annual report"
    assert read("pdf", pdf([page], title="The year 2026")).title == "The year 2026"


def test_lines_of_a_pdf_become_paragraphs_by_their_distance() -> None:
    long = "The limits apply to the total value of a contract without value added tax over its"
    page = page_of(long, "whole duration.", "", "A purchase must not be divided.")
    assert shown(read("pdf", pdf([page]))) == [f"{long} whole duration.", "A purchase must not be divided."]


def test_headings_of_a_pdf_nest_by_size_and_running_titles_are_none() -> None:
    def page(*inner: Print) -> list[Print]:
        return [Print("Handbook of the company", y=800, size=9, is_bold=True), *inner]

    document = read(
        "pdf",
        pdf(
            [
                page(Print("Travel", y=700, size=18), Print("Words on travel.", y=660)),
                page(Print("Hotels", y=700, size=13, is_bold=True), Print("Words on hotels.", y=680)),
                page(Print("Meals", y=700, size=13, is_bold=True), Print("Words on meals.", y=680)),
            ]
        ),
    )
    assert the(document, "Words on hotels.").section == "Travel > Hotels"
    assert the(document, "Words on meals.").section == "Travel > Meals"
    assert not any("Handbook" in block.section for block in document.blocks)


def test_rows_of_figures_in_a_pdf_stay_one_table_with_their_column_titles() -> None:
    page = [
        Print("Item 1. Financial Statements", y=740, is_bold=True),
        Print("Three Months Ended", x=330, y=700),
        Print("2022", x=330, y=688),
        Print("2021", x=430, y=688),
        Print("Net sales:", y=670),
        *[Print(text, x=x, y=656) for text, x in (("Products", 80), ("$", 300), ("63,355", 330), ("63,948", 430))],
        *[Print(text, x=x, y=642) for text, x in (("Services", 80), ("(19,604)", 330), ("—", 430))],
        Print("See the notes on the following pages, which are part of these statements.", y=600),
    ]
    document = read("pdf", pdf([page]))
    table = the(document, "63,355")
    assert table.section == "Item 1. Financial Statements"
    assert document.text[table.start : table.header_end] == "Three Months Ended\n2022 2021"
    assert document.text[table.header_end : table.end] == (
        "\nNet sales:\nProducts $ 63,355 63,948\nServices (19,604) —"
    )
    assert the(document, "See the notes").kind == "paragraph"


def test_a_hyphen_at_the_end_of_a_printed_line_is_kept_when_it_belongs_to_the_word() -> None:
    page = page_of(
        "A third party is insured by a third-",
        "party insurance, and the com-",
        "pany pays. The company decides.",
    )
    text = read("pdf", pdf([page])).text
    assert "third-party insurance" in text
    assert "the company pays" in text


def test_a_page_that_lists_many_items_is_a_table_of_contents_and_opens_no_section() -> None:
    contents = page_of("PART II", *[f"Item {number}. Something" for number in range(1, 8)])
    document = read("pdf", pdf([contents, page_of("Words on the second page.")]))
    assert {block.section for block in document.blocks} == {""}


def test_a_filing_keeps_its_sections_and_tables(shared: Path) -> None:
    name = "2022 Q3 AAPL.pdf"
    document = read("pdf", (shared / "data/retrieval/sec10q/pdfs" / name).read_bytes())
    assert document.title == "Apple Inc."
    assert len(document.pages) == 28
    income = the(document, "Total net sales 82,959 81,434 304,182 282,457")
    assert (income.kind, income.page) == ("table", 4)
    assert income.section.endswith(
        "Item 1. Financial Statements > CONDENSED CONSOLIDATED STATEMENTS OF OPERATIONS (Unaudited)"
    )
    assert "Nine Months Ended" in document.text[income.start : income.header_end]
    discussion = the(document, "The Company has historically experienced higher net sales in its first quarter")
    assert (discussion.kind, discussion.page) == ("paragraph", 17)
    assert "Item 2. Management’s Discussion and Analysis" in discussion.section
    assert discussion.section.endswith("Business Seasonality and Product Introductions")


# DOCX


def test_headings_of_a_word_document_are_found_in_any_language() -> None:
    styles = """<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
        <w:style w:styleId="Eigene"><w:name w:val="Eigene"/><w:basedOn w:val="berschrift1"/></w:style>
        <w:style w:styleId="Titel"><w:name w:val="Title"/></w:style>
        <w:style w:styleId="Aufz"><w:pPr><w:numPr/></w:pPr></w:style>"""
    body = p("Reiserichtlinie", "Titel") + p("Hotels", "Eigene") + p("Text.") + p("Punkt", "Aufz")
    document = read("docx", docx(body, styles=styles, title="Some other title"))
    assert document.title == "Reiserichtlinie"
    assert the(document, "Text.").section == "Reiserichtlinie > Hotels"
    assert shown(document, "list") == ["- Punkt"]


def test_a_word_document_shows_what_a_reader_sees() -> None:
    run = "<w:r><w:t>{}</w:t></w:r>"
    body = (
        f"<w:p>{run.format('Kept ')}<w:del>{run.format('deleted ')}</w:del><w:ins>{run.format('and added')}</w:ins>"
        "<w:r><w:br/><w:t>next line</w:t></w:r></w:p>"
        f"<w:p><w:hyperlink>{run.format('a link')}</w:hyperlink>"
        "<w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
        f"<w:sdt><w:sdtContent>{p('In a control.')}</w:sdtContent></w:sdt>"
    )
    assert shown(read("docx", docx(body))) == ["Kept and added\nnext line", "a link", "In a control."]


def test_text_boxes_are_read_once_and_nested_tables_stay_in_their_row() -> None:
    mc = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    box = f"<w:txbxContent>{p('In the box.')}</w:txbxContent>"
    alternative = f"<mc:AlternateContent {mc}><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
    body = f"<w:p><w:r><w:t>Before.</w:t>{alternative}</mc:AlternateContent></w:r></w:p>" + tbl(
        [p("Site"), p("Teams")], [p("Ghent"), tbl([p("Shop"), p("7")], [p("Depot"), p("9")])]
    )
    document = read("docx", docx(body))
    assert shown(document) == ["Before.", "In the box.", "Site | Teams\nGhent | Shop, 7; Depot, 9"]


def test_a_table_of_one_column_is_a_frame() -> None:
    document = read("docx", docx(tbl([p("Note", "Heading2") + p("Read this.") + p("and this", more=ITEM)])))
    assert [block.kind for block in document.blocks] == ["heading", "paragraph", "list"]


# HTML


def test_a_web_page_is_its_main_content() -> None:
    page = """<html><head><title> Returns &amp; warranty </title><script>x = "<p>script</p>"</script></head><body>
        <header>Shop of the company</header><nav>Home</nav><aside>Offers</aside>
        <main><article><header><h1>Returns</h1></header><p hidden>hidden</p>
        <p>You may return <b>unused</b> goods
           within 30&nbsp;days.<br>Free of charge.</p><form><input><label>E-mail</label></form>
        <pre>RMA  number:\n  12</pre></article></main><footer>Imprint</footer></body></html>"""
    document = read("html", page.encode())
    assert document.title == "Returns & warranty"
    assert shown(document) == [
        "Returns",
        "You may return unused goods within 30 days.\nFree of charge.",
        "RMA  number:\n  12",
    ]


def test_lists_of_a_web_page_keep_their_numbers_and_depth() -> None:
    page = "<ol><li>Pack<li>Send<ul><li><p>by post</p><li>by hand</ul><li>Wait</ol><p>Done.</p>"
    assert shown(read("html", page.encode())) == ["1. Pack\n2. Send\n  - by post\n  - by hand\n3. Wait", "Done."]


def test_tables_that_arrange_the_page_are_not_tables() -> None:
    page = """<table><tr><td><p>One.</p></td><td><table><tr><th>City<th>Limit<tr><td>Bern<td>1<b>4</b>0</table></td>
        </tr></table><table role=presentation><tr><td>Two.<td>Three.</table>"""
    document = read("html", page.encode())
    assert shown(document) == ["One.", "City | Limit\nBern | 140", "Two.", "Three."]
    assert the(document, "Bern").kind == "table"


@pytest.mark.parametrize(
    "content",
    [
        '<meta charset="iso-8859-9"><p>şişe ılık</p>'.encode("iso-8859-9"),
        "<p>şişe ılık</p>".encode(),
        codecs.BOM_UTF16_LE + "<p>şişe ılık</p>".encode("utf-16-le"),
        '<?xml version="1.0" encoding="utf-8"?><html><body><p>şişe ılık</p></body></html>'.encode(),
    ],
)
def test_a_web_page_is_decoded_as_it_says(content: bytes) -> None:
    assert read("html", content).text == "şişe ılık"


# Markdown and text


def test_markdown_is_read_without_its_signs() -> None:
    source = r"""# Remote *work*

One [link](http://x.example) and `code` and ![a picture](p.png)
on two lines.\
A new line.

1. first
   - inner
2. second

```python
def f():
    return 1
```

<div>raw <b>html</b></div>

## Ergonomics

Table  | x
---|---
a | *b*
"""
    document = read("markdown", source.encode())
    assert document.title == "Remote work"
    assert shown(document) == [
        "Remote work",
        "One link and code and a picture on two lines.\nA new line.",
        "1. first\n  - inner\n2. second",
        "def f():\n    return 1",
        "raw html",
        "Ergonomics",
        "Table | x\na | b",
    ]
    assert [block.kind for block in document.blocks][-4:] == ["code", "paragraph", "heading", "table"]
    assert document.blocks[-1].section == "Remote work > Ergonomics"


def test_a_rule_at_the_top_of_markdown_is_no_front_matter() -> None:
    assert read("markdown", b"---\n\nText under a rule.\n").text == "Text under a rule."


@pytest.mark.parametrize(
    "content",
    [
        "Müller & Söhne".encode("latin-1"),
        "Müller & Söhne".encode(),
        codecs.BOM_UTF8 + "Müller & Söhne".encode(),
        "Müller & Söhne".encode("utf-16"),
        codecs.BOM_UTF16_BE + "Müller & Söhne".encode("utf-16-be"),
        "Mü\u00adller\u00a0& Söhne\u200b".encode(),
    ],
)
def test_text_is_decoded_by_its_mark_and_else_by_trying(content: bytes) -> None:
    assert read("text", content).text == "Müller & Söhne"


def test_invalid_utf8_is_read_as_windows_1252() -> None:
    assert read("text", b"Price: \x80 5 \xff\x81").text == "Price: € 5 ÿ\N{REPLACEMENT CHARACTER}"


def test_headings_of_a_text_are_capitals_underlines_and_numbers() -> None:
    source = (
        "SAFETY RULES\n\nIntro.\n\nIn the hall\n-----------\n\n2. Lifting\n\nWith two people.\n\n1. One\n\n2. Two\n"
    )
    document = read("text", source.encode())
    assert document.title == "SAFETY RULES"
    assert shown(document, "heading") == ["SAFETY RULES", "In the hall", "2. Lifting", "2. Two"]
    assert the(document, "With two people.").section == "In the hall > 2. Lifting"
