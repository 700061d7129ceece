"""Files that mean harm, or are not what they say: a clear reason, and memory that stays bounded."""

import asyncio
import random
import tracemalloc
from collections.abc import AsyncIterator, Callable

import pytest
from document_files import POLICY, docx, office, p, page_of, pdf, relations, scan, tbl
from hostile_files import LAUGHS, OUTSIDE, deflated, long_pdf, pdf_with_stream, png, true_type, written_pdf
from mail_files import message, ole
from zip_files import bomb, zipped

from steadyhand.errors import DocumentError, DocumentUnreadable, DocumentUnsupported
from steadyhand.knowledge.reading.children import Readers
from steadyhand.knowledge.reading.formats import read_document, supported
from steadyhand.types.document import Document

_MIB = 2**20


def refused(content: bytes, name: str) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        read_document(content, name)
    assert str(caught.value).startswith(name)
    return caught.value


def test_an_extension_without_a_reader_is_named_with_those_that_have_one() -> None:
    error = refused(b"MZ", "setup.exe")
    assert isinstance(error, DocumentUnsupported)
    assert str(error) == f"setup.exe: expected one of {', '.join(sorted(supported()))}; found '.exe'"


def test_a_name_without_extension_is_told_which_one_it_needs() -> None:
    assert "found 'no extension'" in str(refused(b"text", "README"))
    error = refused(POLICY["pdf"], "policy")
    assert str(error).endswith("found 'no extension', a PDF")
    assert error.hint == "give it the extension .pdf"


@pytest.mark.parametrize(
    ("content", "name", "found"),
    [
        (POLICY["docx"], "policy.pdf", "a Word document"),
        (POLICY["pdf"], "policy.docx", "a PDF"),
        (POLICY["pdf"], "policy.txt", "a PDF"),
        (b"\x89PNG\r\n\x1a\n....", "policy.html", "a PNG image"),
        (zipped(("xl/workbook.xml", b"<x/>")), "policy.docx", "an Excel workbook"),
        (zipped(("readme", b"hello")), "policy.md", "a zip archive"),
        (ole({"WordDocument": b"x"}), "policy.docx", "an old Word document"),
        (ole({"Workbook": b"x"}), "policy.xlsx", "an old Excel workbook"),
        (ole({"PowerPoint Document": b"x"}), "policy.pptx", "an old PowerPoint presentation"),
        (ole({"EncryptedPackage": b"x"}), "policy.docx", "an Office document that is protected by a password"),
        (ole(message()), "policy.docx", "an Outlook message"),
        (ole({})[:600], "policy.msg", "a broken OLE file"),
        (b"\x1f\x8b\x08" + bytes(9), "policy.txt", "a gzip archive"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "policy.txt", "a WebP image"),
        (
            b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.text",
            "policy.docx",
            "an OpenDocument",
        ),
    ],
)
def test_a_wrong_extension_is_told_from_the_content(content: bytes, name: str, found: str) -> None:
    error = refused(content, name)
    assert isinstance(error, DocumentUnreadable)
    assert f"expected .{name.partition('.')[2]} content; found {found}" in str(error)
    assert error.hint


def test_a_right_extension_may_be_written_in_capitals() -> None:
    assert read_document(POLICY["pdf"], "POLICY.PDF").title == "Travel policy"


@pytest.mark.parametrize("content", [b"", b" \r\n\t", bytes(4_096), b"\x1a"])
def test_what_an_interrupted_copy_leaves_is_an_empty_file(content: bytes) -> None:
    assert "found an empty file" in str(refused(content, "a.txt"))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\xef\xbb\xbf\n", b"\xfe\xff\0\n"])
def test_a_mark_of_byte_order_is_no_text(content: bytes) -> None:
    assert "found no text" in str(refused(content, "a.txt"))


@pytest.mark.parametrize("name", ["notes.txt", "notes.md", "notes.html"])
def test_binary_data_is_no_text(name: str) -> None:
    assert "binary data (NUL byte at 3)" in str(refused(b"abc\0def" * 100, name))


# PDF


@pytest.mark.parametrize("content", [b"%PDF-1.7\n" + b"junk" * 100, POLICY["pdf"][:300], b"no PDF at all"])
def test_a_broken_pdf_is_unreadable(content: bytes) -> None:
    assert "expected a PDF; found a file that pdfium cannot open" in str(refused(content, "report.pdf"))


def test_an_encrypted_pdf_says_that_it_wants_a_password() -> None:
    error = refused(pdf([page_of("secret")], is_encrypted=True), "report.pdf")
    assert "found an encrypted one" in str(error)
    assert error.hint == "save it without a password"


def test_a_scan_is_recognised() -> None:
    assert [picture.page for picture in read_document(scan(3), "report.pdf").pictures] == [1, 2, 3]
    assert "found no text on 2 pages" in str(refused(pdf([[], []]), "report.pdf"))
    assert "expected" in str(refused(pdf([]), "report.pdf"))


def test_a_long_pdf_takes_memory_for_its_text_only() -> None:
    content = pdf(
        [page_of(*[f"Line {line} of page {page}, which says little." for line in range(30)]) for page in range(100)]
    )
    tracemalloc.start()
    document = read_document(content, "long.pdf")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(document.pages) == 100
    assert peak < 8 * len(document.text)


def test_characters_that_a_database_refuses_are_removed_from_a_pdf() -> None:
    assert read_document(pdf([page_of("a\x00b\x01c")]), "x.pdf").text == "abc"


# DOCX


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE d [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE d SYSTEM "http://127.0.0.1:1/evil.dtd">',
    ],
)
def test_a_document_type_declaration_is_refused_and_nothing_is_fetched_or_expanded(declaration: str) -> None:
    body = p("Text.") + ("<w:p><w:r><w:t>&a;</w:t></w:r></w:p>" if "ENTITY a" in declaration else "")
    assert "document type declaration" in str(refused(docx(body, declaration=declaration), "x.docx"))


def test_nesting_without_end_is_refused() -> None:
    deep = "<w:tbl><w:tr><w:tc>" * 2_000 + p("x") + "</w:tc></w:tr></w:tbl>" * 2_000
    assert "expected XML in word/document.xml; found" in str(refused(docx(deep), "deep.docx"))
    nested = p("innermost")
    for _ in range(60):
        nested = tbl([nested, p("x")])
    assert "innermost" in read_document(docx(nested), "deep.docx").text


def test_an_archive_that_is_no_word_document_is_refused() -> None:
    assert "found a zip archive" in str(refused(zipped(("word/styles.xml", b"<x/>")), "x.docx"))
    assert "found none of its parts" in str(refused(zipped(("_rels/.rels", b"<x/>")), "x.docx"))
    broken = bytearray(POLICY["docx"])
    broken[60:90] = bytes(30)
    assert refused(bytes(broken), "x.docx").hint


# HTML and Markdown


def test_nested_elements_are_read_or_refused_but_not_left_out() -> None:
    assert (
        read_document(("<div>" * 2_000 + "<p>innermost" + "</div>" * 2_000).encode(), "d.html").text == "innermost"
    )
    assert read_document(("<table><tr><td>" * 500 + "innermost").encode(), "d.html").text == "innermost"
    assert "found deeper ones" in str(refused(("<div>" * 10_000 + "<p>innermost").encode(), "d.html"))


def test_entities_of_a_web_page_are_not_expanded() -> None:
    page = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><p>before &a; after</p>'
    text = read_document(page.encode(), "x.html").text
    assert "root:" not in text
    assert "before" in text


def test_nested_lists_and_quotations_are_read_or_refused_but_not_left_out() -> None:
    assert read_document(b"> " * 40 + b"innermost", "deep.md").text == "innermost"
    assert read_document(b"- " * 40 + b"innermost", "deep.md").text.endswith("innermost")
    assert "found more" in str(refused(b"> " * 10_000 + b"innermost", "deep.md"))
    assert "found more" in str(refused(b"- " * 10_000 + b"innermost", "deep.md"))


def test_thousands_of_open_brackets_are_only_text() -> None:
    assert read_document(b"[" * 5_000 + b"text", "brackets.md").text.endswith("[text")


# Every attack, in a child: a reason or a document, in bounded time and memory, and the next file is read

_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_SLIDE = "http://schemas.openxmlformats.org/presentationml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_CELL = '<row r="1"><c r="A1" t="inlineStr"><is><t>&a11;</t></is></c></row>'
_SHAPE = "<p:sp><p:txBody><a:p><a:r><a:t>&a11;</a:t></a:r></a:p></p:txBody></p:sp>"
_TIME_S = 20.0
_LONG = b"BT /F0 10 Tf 72 700 Td (Text that is long enough to be drawn.) Tj ET"
_IMAGE = "/Type /XObject /Subtype /Image /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode"


def workbook(rows: str, *, declaration: str = "") -> bytes:
    spaces = f'xmlns="{_SHEET}" xmlns:r="{_RELATED}"'
    return office(
        "xl/workbook.xml",
        {
            "xl/workbook.xml": f'<workbook {spaces}><sheets><sheet name="A" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": relations(rId1="worksheet worksheets/sheet1.xml"),
            "xl/worksheets/sheet1.xml": f"{declaration}<worksheet {spaces}><sheetData>{rows}</sheetData></worksheet>",
        },
    )


def slides(shapes: str, *, declaration: str = "") -> bytes:
    spaces = f'xmlns:p="{_SLIDE}" xmlns:a="{_DRAWING}" xmlns:r="{_RELATED}"'
    listed = '<p:sldIdLst><p:sldId id="256" r:id="rId1"/></p:sldIdLst>'
    tree = f"<p:cSld><p:spTree>{shapes}</p:spTree></p:cSld>"
    return office(
        "ppt/presentation.xml",
        {
            "ppt/presentation.xml": f"<p:presentation {spaces}>{listed}</p:presentation>",
            "ppt/_rels/presentation.xml.rels": relations(rId1="slide slides/slide1.xml"),
            "ppt/slides/slide1.xml": f"{declaration}<p:sld {spaces}>{tree}</p:sld>",
        },
    )


def word(declaration: str) -> bytes:
    return docx("<w:p><w:r><w:t>&a11;</w:t></w:r></w:p>", declaration=declaration)


def large_part() -> bytes:
    return office("word/document.xml", {"word/document.xml": bytes(80 * _MIB)})


def nested_mail(depth: int) -> bytes:
    head = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
    return b"Subject: x\n" + b"".join(head % (level, level) for level in range(depth)) + b"\nHello."


def long_distinct_pdf() -> bytes:
    return pdf([page_of(f"Page {page} says this.", f"And then {page * 7} more.") for page in range(10_000)])


REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a part that is a bomb.docx": ("at most", large_part),
    "billion laughs.docx": ("expected", lambda: word(LAUGHS)),
    "billion laughs.xlsx": ("expected", lambda: workbook(_CELL, declaration=LAUGHS)),
    "billion laughs.pptx": ("expected", lambda: slides(_SHAPE, declaration=LAUGHS)),
    "outer entity.docx": ("document type declaration", lambda: word(OUTSIDE)),
    "outer entity.xlsx": ("document type declaration", lambda: workbook(_CELL, declaration=OUTSIDE)),
    "outer entity.pptx": ("document type declaration", lambda: slides(_SHAPE, declaration=OUTSIDE)),
    "pages in themselves.pdf": (
        "expected a PDF",
        lambda: written_pdf(["<< /Type /Catalog /Pages 2 0 R >>", "<< /Kids [2 0 R 2 0 R] /Count 1000000000 >>"]),
    ),
    "lists in lists.pdf": ("expected a PDF", lambda: written_pdf(["<< /Type /Catalog >>", b"[" * 300_000])),
    "lists in lists.json": ("found more", lambda: b"[" * 200_000),
    "elements in elements.html": ("found deeper ones", lambda: b"<div>" * 1_000_000),
    "parts in parts.eml": ("cannot be taken apart", lambda: nested_mail(3_000)),
    "encrypted.xlsx": ("protected by a password", lambda: ole({"EncryptedPackage": b"x" * 5_000})),
    "encrypted.pdf": ("an encrypted one", lambda: pdf([page_of("secret")], is_encrypted=True)),
    "program.txt": ("found a program", lambda: b"\x7fELF" + bytes(100)),
}
READ_OR_REFUSED: dict[str, Callable[[], bytes]] = {
    "content that unpacks to a gibibyte.pdf": lambda: pdf_with_stream("/Filter /FlateDecode", deflated(1_024)),
    "content packed twice.pdf": lambda: pdf_with_stream(
        "/Filter [/FlateDecode /FlateDecode]", deflated(1_024, times=2), content=_LONG
    ),
    "image of four gigapixels.pdf": lambda: pdf_with_stream(
        f"{_IMAGE} /Width 60000 /Height 60000", deflated(64), content=b"q 500 0 0 500 0 0 cm /I0 Do Q"
    ),
    "image of ten gigapixels.png": lambda: png(100_000, 100_000, deflated(64)),
    "font of noise.pdf": lambda: pdf_with_stream(
        "/Length1 99999", true_type(bytes(range(256)) * 16), content=_LONG
    ),
    "font that unpacks to a gibibyte.pdf": lambda: pdf_with_stream(
        "/Filter /FlateDecode", deflated(1_024), content=_LONG
    ),
    "the same page ten thousand times.pdf": lambda: long_pdf(10_000, 3),
    "page of a billion points.pdf": lambda: long_pdf(3).replace(b"[0 0 595 842]", b"[0 0 1e9 1e9]"),
    "cell at the end of the sheet.xlsx": lambda: workbook('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
    "cell that is nowhere.xlsx": lambda: workbook('<row r="-1"><c r="ZZZZZZZZ9"><v>1</v></c></row>'),
    "cell that spans everything.html": lambda: b"<table>" + b"<tr><td colspan=99999 rowspan=99999>x" * 2_000,
    "billion laughs.html": (LAUGHS + "<p>&a11;</p>").encode,
    "billion laughs in a message.eml": f"Subject: x\nContent-Type: text/html\n\n{LAUGHS}<p>&a11;".encode,
    "words without end.eml": lambda: b"Subject: " + b"=?utf-8?q?a?= " * 100_000 + b"\n\nHello.",
    "brackets without end.eml": lambda: b"Subject: x\nTo: " + b"(" * 100_000 + b"\n\nHello.",
    "one line.txt": lambda: b"x" * 20_000_000,
    "nothing but lines.txt": lambda: b"\n" * 20_000_000 + b"x",
    "one cell.csv": lambda: b'a,b\n"' + b"x" * 10_000_000,
    "emphasis without end.md": lambda: b"*a **b " * 20_000,
    "references without end.md": lambda: b"[a]: x\n" * 20_000,
}


@pytest.fixture(scope="module")
async def readers() -> AsyncIterator[Readers]:
    async with Readers(1, memory=512 * _MIB, time_s=_TIME_S) as opened:
        yield opened


async def outcome(readers: Readers, content: bytes, name: str) -> Document | DocumentError:
    """What becomes of a file in the time that it may take; a good one is read afterwards."""
    found: Document | DocumentError
    async with asyncio.timeout(_TIME_S + 4 * len(content) / _MIB + 10):
        try:
            found = await readers.read(content, name)
        except DocumentError as error:
            found = error
    assert isinstance(found, Document) or str(found).startswith(f"{name}: expected ")
    assert (await readers.read(POLICY["pdf"], "policy.pdf")).title == "Travel policy"
    return found


@pytest.mark.parametrize("name", REFUSED)
async def test_an_attack_is_refused_with_its_reason(readers: Readers, name: str) -> None:
    reason, made = REFUSED[name]
    found = await outcome(readers, made(), name)
    assert isinstance(found, DocumentError)
    assert reason in str(found)


@pytest.mark.parametrize("name", READ_OR_REFUSED)
async def test_an_attack_is_read_or_refused(readers: Readers, name: str) -> None:
    found = await outcome(readers, READ_OR_REFUSED[name](), name)
    assert isinstance(found, DocumentError) or "haha" not in found.text


async def test_ten_thousand_pages_are_read(readers: Readers) -> None:
    found = await outcome(readers, long_distinct_pdf(), "long.pdf")
    assert isinstance(found, Document)
    assert len(found.pages) == 10_000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (bomb("a.txt", 300), "as in a bomb"),
        (zipped(*[(f"{n}.zip", bomb("a.txt", 20)) for n in range(16)]), "as in a bomb"),
        (zipped(("../../../etc/cron.d/a.txt", b"x")), "a path that leads out of the archive"),
    ],
)
async def test_an_attack_by_an_archive_is_refused_member_by_member(
    readers: Readers, content: bytes, reason: str
) -> None:
    held = [held async for _, held in readers.unpack(content, "a.zip")]
    assert held
    assert all(isinstance(one, DocumentUnreadable) and reason in str(one) for one in held)
    assert (await readers.read(b"Text.", "a.txt")).text == "Text."


async def test_noise_behind_every_signature_stops_nothing(readers: Readers) -> None:
    noise = random.Random(7).randbytes(3_000)
    heads = {".pdf": b"%PDF-1.7\n", ".docx": b"PK\x03\x04", ".msg": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}
    for extension in sorted(supported()):
        await outcome(readers, heads.get(extension, b"") + noise, f"noise{extension}")
