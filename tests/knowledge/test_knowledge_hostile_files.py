"""Files that mean harm, or are not what they say: a clear reason, and memory that stays bounded."""

import tracemalloc
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZipFile

import pytest
from document_files import POLICY, docx, p, page_of, pdf, scan, tbl

from steadyhand.errors import DocumentError, DocumentUnreadable, DocumentUnsupported
from steadyhand.knowledge.reading import read_document

_MIB = 2**20


def refused(content: bytes, name: str) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        read_document(content, name)
    assert str(caught.value).startswith(name)
    return caught.value


def zipped(**members: bytes) -> bytes:
    with BytesIO() as file:
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name.replace("__", "/"), content)
        return file.getvalue()


def test_an_extension_without_a_reader_is_named_with_those_that_have_one() -> None:
    error = refused(b"MZ", "setup.exe")
    assert isinstance(error, DocumentUnsupported)
    assert (
        str(error)
        == "setup.exe: expected one of .docx, .htm, .html, .markdown, .md, .pdf, .txt, .xhtml; found '.exe'"
    )
    assert "found 'no extension'" in str(refused(b"text", "README"))


@pytest.mark.parametrize(
    ("content", "name", "found"),
    [
        (POLICY["docx"], "policy.pdf", "a Word document"),
        (POLICY["pdf"], "policy.docx", "a PDF"),
        (POLICY["pdf"], "policy.txt", "a PDF"),
        (b"\x89PNG\r\n\x1a\n....", "policy.html", "a PNG image"),
        (zipped(xl__workbook=b"<x/>"), "policy.docx", "an Excel workbook"),
        (zipped(readme=b"hello"), "policy.md", "a zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "policy.docx", "an encrypted or old Office document"),
    ],
)
def test_a_wrong_extension_is_told_from_the_content(content: bytes, name: str, found: str) -> None:
    error = refused(content, name)
    assert isinstance(error, DocumentUnreadable)
    assert f"expected .{name.partition('.')[2]} content; found {found}" in str(error)
    assert error.hint


def test_a_right_extension_may_be_written_in_capitals() -> None:
    assert read_document(POLICY["pdf"], "POLICY.PDF").title == "Travel policy"


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
    assert "found a scan, 3 pages of images" in str(refused(scan(3), "report.pdf"))
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


def test_a_zip_bomb_is_not_unpacked() -> None:
    bomb = BytesIO()
    with (
        ZipFile(bomb, "w", ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("word/document.xml", "w") as part,
    ):
        for _ in range(80):
            part.write(bytes(_MIB))
    assert len(bomb.getvalue()) < _MIB
    assert "expected parts of at most 64 MiB; found word/document.xml larger" in str(
        refused(bomb.getvalue(), "b.docx")
    )


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
    assert "found none of its parts" in str(refused(zipped(word__styles=b"<x/>"), "x.docx"))
    with BytesIO() as file:
        with ZipFile(file, "w", ZIP_LZMA) as archive:
            archive.writestr("word/document.xml", "<x/>")
        assert "found another method" in str(refused(file.getvalue(), "x.docx"))
    broken = bytearray(POLICY["docx"])
    broken[60:90] = bytes(30)
    assert "cannot be unpacked" in str(refused(bytes(broken), "x.docx"))


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
