"""What is read of Word, Excel and PowerPoint files, beyond the contract of all readers."""

import pytest
from document_files import ITEM, a_tbl, cell, docx, frame, p, pptx, relations, sheet_data, sp, tbl, xlsx
from test_knowledge_readers import read, shown, the

from steadyhand.knowledge.readers._formats import shown_number

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
C = 'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
PAGE = "<h1>Rates</h1><table><tr><th>A<th>B<tr><td>1<td>2</table>"
MIXED = "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x"
CORE = """<dc:title>The budget of the year</dc:title><dc:creator>Ada  Lovelace</dc:creator><dc:subject>Money</dc:subject>
    <c:keywords>budget, plan;2026</c:keywords><dcterms:created>2026-03-01T08:00:00Z</dcterms:created>
    <dcterms:modified>2026-03-02T09:30:00Z</dcterms:modified>"""


def points(*values: str) -> str:
    return "".join(f'<c:pt idx="{at}"><c:v>{value}</c:v></c:pt>' for at, value in enumerate(values))


CHART = f"""<c:chartSpace {C} {A}><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Sales by year</a:t></a:r></a:p></c:rich>
    </c:tx></c:title><c:plotArea><c:barChart>
    <c:ser><c:tx><c:strRef><c:strCache>{points("North")}</c:strCache></c:strRef></c:tx>
    <c:cat><c:strRef><c:strCache>{points("2025", "2026")}</c:strCache></c:strRef></c:cat>
    <c:val><c:numRef><c:numCache><c:formatCode>0%</c:formatCode>{points("0.5", "0.25")}</c:numCache></c:numRef></c:val></c:ser>
    <c:ser><c:tx><c:strRef><c:strCache>{points("South")}</c:strCache></c:strRef></c:tx>
    <c:cat><c:strRef><c:strCache>{points("2025", "2026")}</c:strCache></c:strRef></c:cat>
    <c:val><c:numRef><c:numCache>{points("7", "9")}</c:numCache></c:numRef></c:val></c:ser>
    </c:barChart></c:plotArea></c:chart></c:chartSpace>"""
CHART_AS_READ = ["Sales by year", "| North | South\n2025 | 50% | 7\n2026 | 25% | 9"]
A_CHART = f'<c:chart {C} {R} r:id="chart1"/>'

_D = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
DIAGRAM = f"""<dgm:dataModel xmlns:dgm="{_D}" {A}><dgm:ptLst><dgm:pt modelId="0" type="doc"/>
    {
    "".join(
        f'<dgm:pt modelId="{key}"><dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t></dgm:pt>'
        for key, text in (("3", "Ship"), ("2", "Test"), ("1", "Build"), ("4", "with a partner"))
    )
}
    </dgm:ptLst><dgm:cxnLst>
    {
    "".join(
        f'<dgm:cxn srcId="{source}" destId="{to}" srcOrd="{order}"/>'
        for source, to, order in (("0", "3", 2), ("0", "1", 0), ("0", "2", 1), ("2", "4", 0))
    )
}
    </dgm:cxnLst></dgm:dataModel>"""
DIAGRAM_AS_READ = "- Build\n- Test\n  - with a partner\n- Ship"
A_DIAGRAM = f'<dgm:relIds xmlns:dgm="{_D}" {R} r:dm="diagram1"/>'


@pytest.mark.parametrize(
    ("reader", "content"),
    [
        ("docx", docx(p("Text."), core=CORE)),
        ("pptx", pptx(sp("Text."), core=CORE)),
        ("xlsx", xlsx({"Sheet": sheet_data(["Text."])}, core=CORE)),
    ],
)
def test_an_office_file_says_who_wrote_it_and_when(reader: str, content: bytes) -> None:
    document = read(reader, content)
    assert document.title == "The budget of the year"
    assert document.metadata == {
        "author": "Ada Lovelace",
        "subject": "Money",
        "keywords": ["budget", "plan", "2026"],
        "created": "2026-03-01T08:00:00Z",
        "modified": "2026-03-02T09:30:00Z",
    }


# Word


def test_notes_and_comments_follow_what_they_belong_to() -> None:
    body = (
        '<w:p><w:r><w:t>The rule.</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
        f'{p("one", more=ITEM)}<w:p><w:pPr>{ITEM}</w:pPr><w:r><w:t>two</w:t></w:r><w:r><w:commentReference w:id="0"/></w:r></w:p>'
        f"{p('three', more=ITEM)}"
        f"{tbl([p('a'), '<w:p><w:r><w:endnoteReference w:id=' + chr(34) + '1' + chr(34) + '/></w:r></w:p>' + p('b')])}"
        f"{p('The end.')}"
    )
    notes = f"""<w:footnotes {W}><w:footnote w:type="separator" w:id="0">{p("line")}</w:footnote>
        <w:footnote w:id="2">{p("With an exception.")}</w:footnote></w:footnotes>"""
    content = docx(
        body,
        parts={
            "word/footnotes.xml": notes,
            "word/endnotes.xml": f'<w:endnotes {W}><w:endnote w:id="1">{p("Said at last.")}</w:endnote></w:endnotes>',
            "word/comments.xml": f'<w:comments {W}><w:comment w:id="0">{p("Really?")}</w:comment></w:comments>',
        },
        f="footnotes footnotes.xml",
        e="endnotes endnotes.xml",
        c="comments comments.xml",
    )
    assert shown(read("docx", content)) == [
        "The rule.",
        "With an exception.",
        "- one\n- two\n- three",
        "Really?",
        "a | b",
        "Said at last.",
        "The end.",
    ]


def test_headers_and_footers_are_read_once_and_page_numbers_not_at_all() -> None:
    header = f"<w:hdr {W}>{p('Confidential')}{p('12')}</w:hdr>"
    content = docx(
        p("Travel", "Heading1") + p("Text."),
        parts={
            "word/header1.xml": header,
            "word/header2.xml": header,
            "word/footer1.xml": f"<w:ftr {W}>{p('Company Ltd.')}</w:ftr>",
        },
        h1="header header1.xml",
        h2="header header2.xml",
        f1="footer footer1.xml",
    )
    document = read("docx", content)
    assert shown(document) == ["Confidential", "Travel", "Text.", "Company Ltd."]
    assert the(document, "Company").section == ""
    assert document.title == "Travel"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.html", PAGE),
        ("a.mht", f"{MIXED}\n\n--x\nContent-Type: text/html\n\n{PAGE}\n--x--\n"),
    ],
)
def test_a_page_that_a_program_put_in_for_word_to_convert_is_read_in_its_place(name: str, content: str) -> None:
    body = p("Before.") + f'<w:altChunk r:id="i1" {R}/>' + p("After.")
    document = read("docx", docx(body, parts={f"word/{name}": content}, i1=f"aFChunk {name}"))
    assert shown(document) == ["Before.", "Rates", "A | B\n1 | 2", "After."]
    assert document.blocks[2].header_end > 0


def test_numbers_of_headings_and_lists_are_those_that_word_prints() -> None:
    def level(depth: int, kind: str, text: str) -> str:
        return f'<w:lvl w:ilvl="{depth}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/><w:lvlText w:val="{text}"/></w:lvl>'

    numbering = f"""<w:numbering {W}>
        <w:abstractNum w:abstractNumId="0">{level(0, "decimal", "§ %1")}{level(1, "decimal", "%1.%2")}</w:abstractNum>
        <w:abstractNum w:abstractNumId="1">{level(0, "lowerLetter", "%1)")}{level(1, "lowerRoman", "(%2)")}</w:abstractNum>
        <w:abstractNum w:abstractNumId="2">{level(0, "bullet", "*")}</w:abstractNum>
        <w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>
        <w:num w:numId="3"><w:abstractNumId w:val="2"/></w:num>
        <w:num w:numId="4"><w:abstractNumId w:val="1"/>
        <w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride></w:num></w:numbering>"""

    def numbered(list_id: int, depth: int) -> str:
        return f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{list_id}"/></w:numPr>'

    body = (
        p("Scope", "Heading1", more=numbered(1, 0))
        + p("Terms", "Heading1", more=numbered(1, 0))
        + p("Dates", "Heading2", more=numbered(1, 1))
        + p("first", more=numbered(2, 0))
        + p("inner", more=numbered(2, 1))
        + p("second", more=numbered(2, 0))
        + p("", more=numbered(2, 0))
        + p("bullet", more=numbered(3, 0))
        + p("anew", more=numbered(4, 0))
        + p("none", more=numbered(0, 0))
    )
    document = read("docx", docx(body, parts={"word/numbering.xml": numbering}, n="numbering numbering.xml"))
    assert shown(document) == [
        "§ 1 Scope",
        "§ 2 Terms",
        "2.1 Dates",
        "a) first\n  (i) inner\nb) second\n- bullet\na) anew",
        "none",
    ]
    assert the(document, "first").section == "§ 2 Terms > 2.1 Dates"


def test_rows_that_word_repeats_on_every_page_are_column_titles() -> None:
    mark = "<w:trPr><w:tblHeader/></w:trPr>"
    table = tbl([p("Costs"), p("")], [p("Site"), p("Euros")], [p("Ghent"), p("7")]).replace(
        "<w:tr>", f"<w:tr>{mark}", 2
    )
    document = read("docx", docx(table))
    block = the(document, "Ghent")
    assert document.text[block.start : block.header_end] == "Costs | \nSite | Euros"


@pytest.mark.parametrize("kind", ["chart", "diagram"])
def test_charts_and_diagrams_are_read_where_they_stand(kind: str) -> None:
    drawing, part, expected = {
        "chart": (A_CHART, CHART, CHART_AS_READ),
        "diagram": (A_DIAGRAM, DIAGRAM, [DIAGRAM_AS_READ]),
    }[kind]
    body = f"{p('Before.')}<w:p><w:r><w:drawing>{drawing}</w:drawing></w:r></w:p>{p('After.')}"
    related = {"chart1": "chart charts/c.xml", "diagram1": "diagramData charts/c.xml"}
    in_word = read("docx", docx(body, parts={"word/charts/c.xml": part}, **related))
    assert shown(in_word) == ["Before.", *expected, "After."]
    slide = sp("Before.") + frame(drawing, y=1_000_000) + sp("After.", y=2_000_000)
    on_slide = read("pptx", pptx(slide, parts={"ppt/slides/charts/c.xml": part}, first=related))
    assert shown(on_slide) == ["Before.", *expected, "After."]
    sheet = xlsx(
        {"Sheet": sheet_data(["Before."])},
        first={"d": "drawing ../drawings/d.xml"},
        parts={
            "xl/drawings/d.xml": f"<d><a>{drawing}</a></d>",
            "xl/drawings/_rels/d.xml.rels": relations(
                chart1="chart ../charts/c.xml", diagram1="diagramData ../charts/c.xml"
            ),
            "xl/charts/c.xml": part,
        },
    )
    assert shown(read("xlsx", sheet)) == ["Sheet", "Before.", *expected]


# PowerPoint


def test_every_slide_is_a_page_under_its_title() -> None:
    document = read(
        "pptx", pptx(sp("One", kind="ctrTitle") + sp("Text."), "", sp("Three", kind="title") + sp("More."))
    )
    assert [document.text[page.start : page.end] for page in document.pages] == [
        "One\n\nText.",
        "",
        "Three\n\nMore.",
    ]
    assert (the(document, "More.").page, the(document, "More.").section) == (3, "Three")
    assert document.title == "One"


def test_shapes_are_read_from_top_to_bottom_and_from_left_to_right() -> None:
    group = f"<p:grpSp><p:grpSpPr>{'<a:xfrm><a:off x=' + chr(34) + '0' + chr(34) + ' y=' + chr(34) + '500000' + chr(34) + '/></a:xfrm>'}</p:grpSpPr>{sp('fourth', y=90)}{sp('third', y=10)}</p:grpSp>"
    slide = sp("fifth", y=9_000_000) + group + sp("second", x=900, y=90_000) + sp("first", x=100, y=100_000)
    assert shown(read("pptx", pptx(slide))) == ["first", "second", "third", "fourth", "fifth"]


def test_a_placeholder_stands_where_its_layout_puts_it() -> None:
    space = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    placed = f"<p:sldLayout {space} {A}>{sp('Click here', kind='body', y=5_000_000)}</p:sldLayout>"
    unplaced = sp("below", kind="body").replace('<a:off x="0" y="0"/>', "")
    slide = unplaced + sp("above", y=1_000_000)
    content = pptx(slide, first={"l": "slideLayout ../layouts/l.xml"}, parts={"ppt/layouts/l.xml": placed})
    assert shown(read("pptx", content)) == ["above", "below"]


def test_notes_and_comments_of_a_slide_follow_it_but_numbers_and_dates_do_not() -> None:
    space = f'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" {A}'
    notes = f"<p:notes {space}>{sp('12', kind='sldNum')}{sp('Speak slowly.', kind='body')}</p:notes>"
    comments = f"<p:cmLst {space}><p:cm><p:text>Too long?</p:text></p:cm></p:cmLst>"
    content = pptx(
        sp("Text.") + sp("7", kind="sldNum") + sp("1 May", kind="dt"),
        first={"n": "notesSlide ../notes.xml", "c": "comments ../comments.xml"},
        parts={"ppt/notes.xml": notes, "ppt/comments.xml": comments},
    )
    assert shown(read("pptx", content)) == ["Text.", "Speak slowly.", "- Too long?"]


def test_paragraphs_of_a_slide_are_items_when_they_or_their_placeholder_have_bullets() -> None:
    bullet, none = '<a:pPr lvl="1"><a:buChar char="-"/></a:pPr>', "<a:pPr><a:buNone/></a:pPr>"
    slide = (
        sp("one", "two", more=bullet)
        + sp("a", "b", kind="body", more=none, y=1_000_000)
        + sp("c", "d", y=2_000_000)
    )
    assert shown(read("pptx", pptx(slide)), "list") == ["- one\n- two"]


def test_a_hidden_slide_is_marked() -> None:
    content = pptx(sp("Old prices", kind="title") + sp("Text."), is_hidden=True)
    assert read("pptx", content).blocks[0].section == "Old prices (hidden)"


def test_column_titles_of_a_table_on_a_slide_can_be_switched_off() -> None:
    table = a_tbl(["a", "b"], ["c", "d"])
    without = table.replace("<a:tbl>", '<a:tbl><a:tblPr firstRow="0"/>')
    document = read("pptx", pptx(frame(table) + frame(without, y=1_000_000)))
    assert [block.header_end > 0 for block in document.blocks] == [True, False]


# Excel


def test_hidden_sheets_are_marked() -> None:
    content = xlsx({"Open": sheet_data(["a"]), "Old": sheet_data(["b"])}, states={"Old": "veryHidden"})
    assert [block.section for block in read("xlsx", content).blocks] == [
        "Open",
        "Open",
        "Old (hidden)",
        "Old (hidden)",
    ]


def test_blank_rows_part_tables_and_words_above_them_are_text() -> None:
    rows = sheet_data(
        ["Sales of the year"], ["Region", "2025", "2026"], ["North", 1, 2], [], ["Region", "Head"], ["North", "Ada"]
    )
    document = read("xlsx", xlsx({"S": rows}))
    assert shown(document) == [
        "S",
        "Sales of the year",
        "Region | 2025 | 2026\nNorth | 1 | 2",
        "Region | Head\nNorth | Ada",
    ]
    assert [document.text[b.start : b.header_end] for b in document.blocks if b.header_end] == [
        "Region | 2025 | 2026",
        "Region | Head",
    ]


@pytest.mark.parametrize("between", [[[]], [[], []]])
def test_column_titles_that_one_blank_row_parts_from_their_table_stay_with_it(between: list[list[str]]) -> None:
    rows = sheet_data(["Prices"], ["Article", "Price"], *between, ["Bolt", 3], ["Nut", 4])
    document = read("xlsx", xlsx({"S": rows}))
    apart = ["Article | Price", "Bolt | 3\nNut | 4"]
    assert shown(document)[2:] == (["Article | Price\nBolt | 3\nNut | 4"] if len(between) == 1 else apart)
    headers = [document.text[b.start : b.header_end] for b in document.blocks if b.header_end]
    assert headers == (["Article | Price"] if len(between) == 1 else [])


@pytest.mark.parametrize("below", [["Ghent", "Ada", 3], ["Ghent"]])
def test_a_row_above_a_blank_one_heads_nothing_of_another_shape(below: list[str | int | float | None]) -> None:
    document = read("xlsx", xlsx({"S": sheet_data(["Site", "Head"], [], below, below)}))
    assert "Site | Head" in shown(document)
    assert not any(block.header_end for block in document.blocks)


def test_fields_with_blank_rows_between_them_head_each_other_not() -> None:
    document = read("xlsx", xlsx({"S": sheet_data(["Buyer", "Ada"], [], ["City", "Ghent"], [], ["Pump", "Old"])}))
    assert "".join(shown(document)).count("|") == 3
    assert not any(block.header_end for block in document.blocks)


def test_two_rows_of_column_titles_are_both_kept() -> None:
    document = read(
        "xlsx", xlsx({"S": sheet_data([None, "Sales", "Costs"], ["Site", "euros", "euros"], ["Ghent", 1, 2])})
    )
    table = the(document, "Ghent")
    assert document.text[table.start : table.header_end] == "| Sales | Costs\nSite | euros | euros"


def test_what_the_workbook_calls_a_table_has_the_titles_it_says() -> None:
    content = xlsx(
        {"S": sheet_data(["note", 3], [2024, 2025], [7, 8])},
        first={"t": "table ../tables/t.xml"},
        parts={"xl/tables/t.xml": f'<table {S} ref="A2:B3" headerRowCount="1"/>'},
    )
    document = read("xlsx", content)
    assert document.text[the(document, "2024").start : the(document, "2024").header_end] == "2024 | 2025"


def test_cells_merged_over_rows_are_repeated_so_that_a_row_stands_alone() -> None:
    merged = '<mergeCells><mergeCell ref="A2:A3"/><mergeCell ref="A5:B9"/></mergeCells>'
    rows = sheet_data(
        ["Site", "Team"], ["Ghent", "Shop"], [None, "Depot"], ["Bern", "Shop"], ["End", None], more=merged
    )
    assert shown(read("xlsx", xlsx({"S": rows})), "table") == [
        "Site | Team\nGhent | Shop\nGhent | Depot\nBern | Shop\nEnd"
    ]


def test_values_are_shown_with_the_format_of_their_cell() -> None:
    row = "".join(
        cell(value, f"{chr(65 + at)}1", style)
        for at, (value, style) in enumerate([(46082, 1), (0.125, 2), (1234.5, 3), (0.1 + 0.2, 0), (-3, 3)])
    )
    content = xlsx({"S": f"<sheetData><row>{row}</row></sheetData>"}, codes=["d/m/yyyy", "0.0%", "#,##0.00 €"])
    assert shown(read("xlsx", content))[1] == "2026-03-01 | 12.5% | 1,234.50 € | 0.3 | -3.00 €"


def test_days_of_a_workbook_may_count_from_1904() -> None:
    row = f"<sheetData><row>{cell(44620, 'A1', 1)}</row></sheetData>"
    content = xlsx({"S": row}, codes=["yyyy-mm-dd"], properties='<workbookPr date1904="1"/>')
    assert shown(read("xlsx", content))[1] == "2026-03-01"


def test_strings_booleans_errors_and_results_of_formulas_are_read() -> None:
    cells = (
        '<c r="A1" t="s"><v>0</v></c><c r="B1" t="b"><v>1</v></c><c r="C1" t="e"><v>#N/A</v></c>'
        '<c r="D1" t="str"><f>A1&amp;"x"</f><v>ax</v></c><c r="E1" t="s"><v>99</v></c><c r="F1"><f>1+1</f><v>2</v></c>'
    )
    strings = f"<sst {S}><si><r><t>ri</t></r><r><t>ch</t></r><rPh><t>reading aid</t></rPh></si></sst>"
    content = xlsx(
        {"S": f"<sheetData><row r='1'>{cells}</row></sheetData>"}, parts={"xl/sharedStrings.xml": strings}
    )
    whole = content  # the workbook has to point to its strings
    assert "TRUE | #N/A | ax | 2" in read("xlsx", whole).text


def test_comments_follow_the_rows_of_their_sheet() -> None:
    comments = f'<comments {S}><commentList><comment ref="B2"><text><t>Why so much?</t></text></comment></commentList></comments>'
    content = xlsx({"S": sheet_data(["a", "b"])}, first={"c": "comments ../c.xml"}, parts={"xl/c.xml": comments})
    assert shown(read("xlsx", content))[-1] == "B2: Why so much?"


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        ("46082.75", "yyyy-mm-dd hh:mm", "2026-03-01 18:00"),
        ("46082", "[$-407]d. mmmm yyyy;@", "2026-03-01"),
        ("46082", "mmm-yy", "2026-03"),
        ("0.75", "h:mm AM/PM", "18:00"),
        ("1.5", "[h]:mm:ss", "36:00:00"),
        ("59", "yyyy-mm-dd", "1900-02-28"),
        ("99999999", "yyyy-mm-dd", "99999999"),
        ("1234567.891", "#,##0", "1,234,568"),
        ("2.675", "0.00", "2.68"),
        ("-1234", "#,##0;(#,##0)", "(1,234)"),
        ("0", '0;-0;"none"', "none"),
        ("7", "00000", "00007"),
        ("1500000", '0.0,,"M"', "1.5M"),
        ("12", '[Red]"EUR "0.00', "EUR 12.00"),
        ("12.5", "[$€-407] #,##0.00", "€ 12.50"),
        ("0.5", "# ?/?", "0.5"),
        ("12345678901234567890", "General", "12345678901234600000"),
        ("1E-7", "General", "0.0000001"),
        ("words", "0.00", "words"),
        ("NaN", "0.00", "NaN"),
        ("1e999999", "0.00", "1e999999"),
    ],
)
def test_a_number_is_shown_as_its_format_says(value: str, code: str, expected: str) -> None:
    assert shown_number(value, code) == expected
