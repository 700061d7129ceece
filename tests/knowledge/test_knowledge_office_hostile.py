"""Office and data files that mean harm: a clear reason, and memory and time that stay bounded."""

import json
import tracemalloc
from io import BytesIO
from random import Random
from zipfile import ZIP_LZMA, ZipFile

import pytest
from document_files import POLICY, cell, docx, office, p, pptx, relations, sheet_data, sp, tbl, xlsx, zipped
from hostile_files import LAUGHS, OUTSIDE

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.reading.formats import read_document

OFFICE = ["docx", "pptx", "xlsx"]
_MIB = 2**20
_PARTS = {"docx": "word/document.xml", "pptx": "ppt/slides/slide1.xml", "xlsx": "xl/worksheets/sheet1.xml"}


def refused(content: bytes, name: str) -> str:
    with pytest.raises(DocumentUnreadable) as caught:
        read_document(content, name)
    return str(caught.value)


def replaced(kind: str, part: str, content: str | bytes) -> bytes:
    """The policy with another content of one of its parts."""
    with ZipFile(BytesIO(POLICY[kind])) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    return zipped({**parts, part: content})


@pytest.mark.parametrize("kind", OFFICE)
def test_a_part_that_grows_too_much_is_not_unpacked(kind: str) -> None:
    bomb = replaced(kind, _PARTS[kind], b"<a>" + b" " * 20 * _MIB)
    assert len(bomb) < _MIB
    tracemalloc.start()
    assert "expected parts that unpack to at most 250 times their size" in refused(bomb, f"bomb.{kind}")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 * _MIB


@pytest.mark.parametrize("kind", OFFICE)
@pytest.mark.parametrize("declaration", [LAUGHS, OUTSIDE, '<!DOCTYPE d SYSTEM "http://127.0.0.1:1/evil.dtd">'])
def test_entities_are_neither_expanded_nor_fetched(kind: str, declaration: str) -> None:
    inner = "&a11;" if "ENTITY" in declaration else "x"
    content = replaced(kind, _PARTS[kind], f"{declaration}<c>{inner}<row/></c>")
    reason = refused(content, f"laughs.{kind}")
    assert "document type declaration" in reason or "amplification" in reason or "XML" in reason


@pytest.mark.parametrize("kind", OFFICE)
def test_elements_in_each_other_without_end_are_refused(kind: str) -> None:
    content = replaced(kind, _PARTS[kind], "<a>" * 50_000 + "</a>" * 50_000)
    assert f"expected XML in {_PARTS[kind]}; found" in refused(content, f"deep.{kind}")


@pytest.mark.parametrize("kind", OFFICE)
def test_an_archive_without_the_parts_is_refused(kind: str) -> None:
    main = {"docx": "word/document.xml", "pptx": "ppt/presentation.xml", "xlsx": "xl/workbook.xml"}[kind]
    assert "found none of its parts" in refused(zipped({main: "<x/>"}), f"a.{kind}")
    assert "found 'x' in it" in refused(office(main, {main: "<x/>"}), f"a.{kind}")
    packed = zipped({"_rels/.rels": relations(r=f"officeDocument {main}"), main: "<x/>"}, ZIP_LZMA)
    assert "found another method" in refused(packed, f"a.{kind}")
    broken = bytearray(POLICY[kind])
    broken[60:90] = bytes(30)
    assert "cannot be unpacked" in refused(bytes(broken), f"a.{kind}")


def test_names_that_lead_out_of_the_archive_lead_nowhere() -> None:
    notes = {
        "n": "notesSlide ../../../../../../etc/passwd",
        "m": "notesSlide file:///etc/passwd",
        "o": "notesSlide /../x",
    }
    assert read_document(pptx(sp("Text."), first=notes), "a.pptx").text == "Text."


@pytest.mark.slow
def test_the_same_part_asked_for_again_and_again_has_an_end() -> None:
    part = f"<p:notes xmlns:p='p'>{Random(0).randbytes(4 * _MIB).hex()}</p:notes>"
    related = {f"n{at}": "notesSlide ../notes.xml" for at in range(400)}
    content = pptx(sp("Text."), first=related, parts={"ppt/notes.xml": part})
    assert "1024 MiB in all" in refused(content, "again.pptx")


def test_cells_without_number_cost_little() -> None:
    row = "".join(cell(None, f"{chr(65 + at)}1") for at in range(26))
    rows = "".join(f'<row r="{number}">{row}</row>' for number in range(2, 8_000))
    content = xlsx({"S": f"<sheetData><row r='1'>{cell('Only this', 'A1')}</row>{rows}</sheetData>"})
    tracemalloc.start()
    assert read_document(content, "empty.xlsx").text == "S\n\nOnly this"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * _MIB


def test_a_row_may_use_every_column_and_a_cell_beyond_is_left_out() -> None:
    last, beyond = cell("last", "XFD1"), cell("beyond", "XFE1")
    content = xlsx({"S": f"<sheetData><row r='1'>{cell('first', 'A1')}{last}{beyond}</row></sheetData>"})
    assert read_document(content, "wide.xlsx").text == "S\n\nfirst | last"


def test_a_text_that_is_shown_too_often_is_refused() -> None:
    shared = (
        "<sst xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><si><t>"
        + "x y" * 10_000
        + "</t></si></sst>"
    )
    cells = "".join(
        f'<row r="{at}"><c r="A{at}" t="s"><v>0</v></c><c r="B{at}" t="s"><v>0</v></c></row>'
        for at in range(1, 2_000)
    )
    content = xlsx(
        {"S": f"<sheetData>{cells}</sheetData>"},
        parts={
            "xl/s.xml": shared,
            "xl/_rels/workbook.xml.rels": relations(s1="worksheet worksheets/sheet1.xml", t="sharedStrings s.xml"),
        },
    )
    assert "expected at most 67,108,864 characters of text" in refused(content, "often.xlsx")


def test_styles_that_are_based_on_each_other_are_read() -> None:
    styles = "".join(
        f'<w:style w:styleId="{one}"><w:basedOn w:val="{other}"/></w:style>'
        for one, other in (("A", "B"), ("B", "A"))
    )
    assert read_document(docx(p("Text.", "A"), styles=styles), "a.docx").text == "Text."


def test_tables_in_tables_are_read_or_refused() -> None:
    nested = p("innermost")
    for _ in range(60):
        nested = tbl([nested, p("x")])
    assert "innermost" in read_document(docx(nested), "deep.docx").text


@pytest.mark.parametrize("value", ["-1", "x", "99999999999999999999", "1e9", "²"])
def test_numbers_that_are_none_break_nothing(value: str) -> None:
    item = f'<w:numPr><w:ilvl w:val="{value}"/><w:numId w:val="{value}"/></w:numPr><w:outlineLvl w:val="{value}"/>'
    assert "Text." in read_document(docx(p("Text.", more=item)), "a.docx").text
    slide = sp("Text.", more=f'<a:pPr lvl="{value}"/>').replace('y="0"', f'y="{value}"')
    assert "Text." in read_document(pptx(slide), "a.pptx").text
    row = f'<row r="{value}"><c r="A{value}" s="{value}"><v>7</v></c><c t="s"><v>{value}</v></c></row>'
    assert "7" in read_document(xlsx({"S": f"<sheetData>{row}</sheetData>"}), "a.xlsx").text


def test_json_without_end_is_refused() -> None:
    assert "at most 64 levels deep" in refused(b"[" * 100_000 + b"]" * 100_000, "deep.json")
    assert "at most 64 levels deep" in refused(b'{"a":' * 500 + b"1" + b"}" * 500, "deep.json")
    assert "at most 64 levels deep" in refused(b"[{}," * 100 + b"1" + b"]" * 100, "deep.json")
    assert "found expecting" in refused(b'{"a": 1', "cut.json")


def test_numbers_of_json_may_be_of_any_length() -> None:
    assert read_document(b'{"a": ' + b"9" * 10_000 + b', "b": 1e999999}', "n.json").text.endswith("b: 1e999999")


def test_a_long_file_of_rows_takes_memory_for_its_text_only() -> None:
    rows = "".join(f"{at},name of {at},{at * 7}\n" for at in range(20_000)).encode()
    lines = "".join(json.dumps({"id": at, "name": f"name of {at}"}) + "\n" for at in range(20_000)).encode()
    sheet = sheet_data(*[[at, f"name of {at}", at * 7] for at in range(5_000)]).encode()
    for content, name in ((rows, "a.csv"), (lines, "a.jsonl"), (xlsx({"S": sheet.decode()}), "a.xlsx")):
        tracemalloc.start()
        document = read_document(content, name)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 16 * len(document.text), name
