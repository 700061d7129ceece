"""What the PDF reader knows beyond the words: places, order, running titles, tables over pages, scans."""

import struct
from itertools import pairwise

import pytest
from document_files import Print, page_of, pdf
from pdf_files import SCANNED, raw_pdf, text

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.reading.formats import read_document
from steadyhand.types.document import Block, Box, Document

LONG = "The limits apply to the total value of a contract without value added tax"


def read(content: bytes) -> Document:
    return read_document(content, "file.pdf")


def shown(document: Document) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks]


def the(document: Document, words: str) -> Block:
    at = document.text.index(words)
    return next(block for block in document.blocks if block.start <= at < block.end)


def assert_box(box: Box | None, left: float, top: float, right: float, bottom: float) -> None:
    assert box is not None
    assert box == pytest.approx((left, top, right, bottom), abs=2.5)


# places


def test_a_block_has_a_box_and_a_page_has_a_size() -> None:
    document = read(pdf([[Print("Words", x=72, y=742), Print("More words", x=72, y=730)]]))
    assert_box(document.blocks[0].box, 72, 92, 124, 114)
    assert (document.pages[0].width, document.pages[0].height) == (595, 842)


@pytest.mark.parametrize(
    ("turn", "matrix", "size"),
    [
        (0, "1 0 0 1 100 700", (400, 800)),
        (90, "0 1 -1 0 100 700", (800, 400)),
        (180, "-1 0 0 -1 100 700", (400, 800)),
        (270, "0 -1 1 0 100 700", (800, 400)),
    ],
)
def test_boxes_are_those_of_the_page_as_it_is_shown(turn: int, matrix: str, size: tuple[float, float]) -> None:
    page = f"/MediaBox [0 0 600 900] /CropBox [50 50 450 850] /Rotate {turn}"
    document = read(raw_pdf([text("Hamburg", 0, 0, 10, matrix=matrix)], page=page))
    corner = {0: (50, 142), 90: (650, 42), 180: (350, 642), 270: (150, 342)}[turn]
    left, top = corner
    assert (document.pages[0].width, document.pages[0].height) == size
    assert document.text == "Hamburg"
    assert_box(document.blocks[0].box, left, top, left + 41, top + 10)


def test_the_size_of_type_counts_its_matrix() -> None:
    drawn = text("Travel", 0, 0, 1, matrix="24 0 0 24 72 700") + text("Words on travel.", 72, 660)
    document = read(raw_pdf([drawn]))
    assert (document.title, the(document, "Words").section) == ("Travel", "Travel")


# order


def columns() -> tuple[list[Print], list[Print]]:
    left = [
        Print(f"{side} side of line {at} goes on and on to its end", x=x, y=700 - 12 * at)
        for x, side in ((60, "left"),)
        for at in range(8)
    ]
    right = [Print(f"right side of line {at} goes on and on to its end", x=330, y=700 - 12 * at) for at in range(8)]
    return left, right


@pytest.mark.parametrize("is_by_row", [False, True])
def test_columns_are_read_one_after_the_other(is_by_row: bool) -> None:
    left, right = columns()
    rows = [print_ for row in zip(left, right, strict=True) for print_ in row]
    words = read(
        pdf([[Print("A title over both", x=60, y=740, size=16), *(rows if is_by_row else left + right)]])
    ).text
    places = [words.index(f"{side} side of line {at}") for side in ("left", "right") for at in range(8)]
    assert places == sorted(places)
    assert words.startswith("A title over both")


def test_lines_that_are_drawn_from_the_bottom_up_are_read_from_the_top_down() -> None:
    lines = [Print(f"This is line {at} of the letter, in which little is said", y=700 - 12 * at) for at in range(9)]
    words = read(pdf([lines[::-1]])).text
    assert [words.index(f"line {at} ") for at in range(9)] == sorted(words.index(f"line {at} ") for at in range(9))


def test_figures_that_are_drawn_column_by_column_stand_in_their_rows() -> None:
    labels = ["Products", "Services", "Licences"]
    page = [Print("2022", x=300, y=688), Print("2021", x=400, y=688)]
    page += [Print(label, y=670 - 14 * at) for at, label in enumerate(labels)]
    page += [Print(f"{x // 100}{at}1", x=x, y=670 - 14 * at) for x in (300, 400) for at in range(3)]
    assert read(pdf([page])).text.split("\n") == [
        "2022 2021",
        "Products 301 401",
        "Services 311 411",
        "Licences 321 421",
    ]


def test_what_stands_sideways_is_read_after_the_text() -> None:
    drawn = (
        text("arXiv 2401", 0, 0, 10, matrix="0 1 -1 0 30 300") + text(LONG, 72, 700) + text("and more.", 72, 688)
    )
    assert shown(read(raw_pdf([drawn]))) == [f"{LONG} and more.", "arXiv 2401"]


# running titles


def handbook(pages: int, *, note: str = "") -> bytes:
    def page(number: int) -> list[Print]:
        body = [Print(f"{LONG} {number}.{line}", y=700 - 12 * line) for line in range(20 + number % 3)]
        foot = [Print(f"Page {number} of {pages}", x=270, y=40, size=8), Print(note, y=28, size=8)]
        return [Print("Handbook of the company", y=800, size=9), *body, *foot]

    return pdf([page(number) for number in range(1, pages + 1)])


@pytest.mark.parametrize("pages", [2, 3, 4, 12, 33, 70])
def test_running_titles_and_page_numbers_are_left_out(pages: int) -> None:
    document = read(handbook(pages))
    assert "Handbook" not in document.text
    assert "Page " not in document.text
    assert document.text.count(LONG) == sum(20 + number % 3 for number in range(1, pages + 1))


def test_numbers_that_count_pages_are_left_out_at_any_height() -> None:
    pages = [[*page_of(*[LONG] * (5 + at)), Print(f"Report | {at + 3}", x=200, y=650 - 14 * at)] for at in range(5)]
    assert "Report" not in read(pdf(pages)).text


def test_a_fact_at_the_foot_of_pages_is_kept_once() -> None:
    words = read(handbook(4, note="Bank: 0532 0130 00")).text
    assert words.count("0532 0130 00") == 1


def test_a_title_that_two_pages_of_many_share_is_kept() -> None:
    pages = [
        [Print("Overview" if at in {1, 8} else f"Chapter {at * 7}", y=800, size=14), *page_of(LONG, LONG)]
        for at in range(10)
    ]
    assert read(pdf(pages)).text.count("Overview") == 2


def test_a_single_page_keeps_what_it_says() -> None:
    assert read(pdf([[Print("1", y=30), Print("Total due: 12", y=800)]])).text.split() == [
        "Total",
        "due:",
        "12",
        "1",
    ]


# tables


def price_list(pages: int, *, is_repeated: bool) -> bytes:
    def page(number: int) -> list[Print]:
        rows = [
            Print(shown, x=x, y=780 - 13 * row)
            for row in range(1, 52)
            for x, shown in ((72, f"Article {number * 100 + row}"), (300, f"{row}.00"), (420, f"{row + 7}.50"))
        ]
        titles = [
            Print(shown, x=x, y=780, is_bold=True)
            for x, shown in ((72, "Article"), (300, "Net price"), (420, "Gross price"))
        ]
        return [*titles, *rows] if is_repeated or number == 1 else rows

    return pdf([page(number) for number in range(1, pages + 1)])


def test_a_table_that_goes_on_knows_its_column_titles() -> None:
    document = read(price_list(3, is_repeated=False))
    first, *others = document.blocks
    assert document.text[first.start : first.header_end] == "Article Net price Gross price"
    assert [block.page for block in others] == [2, 3]
    assert all(block.titles == (first.start, first.header_end) for block in others)
    assert all(document.text[block.start : block.end].count("\n") == 50 for block in others)


@pytest.mark.parametrize("pages", [2, 3, 6])
def test_column_titles_that_are_repeated_stay_with_their_rows(pages: int) -> None:
    document = read(price_list(pages, is_repeated=True))
    headers = [document.text[block.start : block.header_end] for block in document.blocks]
    assert headers == ["Article Net price Gross price"] * pages


@pytest.mark.parametrize(("last", "header"), [("{}.50 EUR", "Article Description Unit price"), ("Ada", "")])
def test_plain_words_above_columns_of_figures_are_their_titles(last: str, header: str) -> None:
    rows = [(f"AX-{at}", "Pump with flange", last.format(100 + at)) for at in range(1, 9)]
    page = [
        Print(cell, x=72 + 130 * column, y=690 - 14 * at)
        for at, row in enumerate([("Article", "Description", "Unit price"), *rows])
        for column, cell in enumerate(row)
    ]
    document = read(pdf([page]))
    table = the(document, "AX-4")
    assert document.text[table.start : max(table.start, table.header_end)] == header


def test_a_label_on_two_lines_stays_in_its_row() -> None:
    def row(y: float, label: str, *figures: str) -> list[Print]:
        return [Print(label, y=y), *(Print(figure, x=330 + 90 * at, y=y) for at, figure in enumerate(figures))]

    page = [
        *row(690, "", "2022", "2021"),
        *row(670, "Net sales", "63,355", "63,948"),
        *row(656, "Property acquired under finance leases, net of"),
        *row(644, "modifications", "131", "183"),
        *row(630, "Other", "7", "9"),
    ]
    document = read(pdf([[print_ for print_ in page if print_.text]]))
    assert "Property acquired under finance leases, net of modifications 131 183" in document.text.split("\n")


# metadata


def test_a_file_says_who_wrote_it_and_when() -> None:
    info = "/Author (Ada  Lovelace) /Subject (Engines) /CreationDate (D:20230425061503-04'00') /ModDate (D:20230426) /Keywords ()"
    assert read(raw_pdf([text(LONG, 72, 700)], info=info)).metadata == {
        "author": "Ada Lovelace",
        "subject": "Engines",
        "created": "2023-04-25T06:15:03-04:00",
        "modified": "2023-04-26T00:00:00+00:00",
    }


@pytest.mark.parametrize("date", ["yesterday", "D:20231345", "D:2023042506150399'99'", "D:00000000"])
def test_dates_that_are_none_are_left_out(date: str) -> None:
    info = f"/CreationDate ({date})"
    assert set(read(raw_pdf([text(LONG, 72, 700)], info=info)).metadata) <= {"created"}


# scans


def test_scanned_pages_are_pictures_and_the_others_text() -> None:
    document = read(raw_pdf([text(LONG, 72, 700), SCANNED, "", text("The end.", 72, 700)]))
    assert [picture.page for picture in document.pictures] == [2]
    assert [document.text[page.start : page.end] for page in document.pages] == [LONG, "", "", "The end."]
    width, height = struct.unpack(">II", document.pictures[0].data[16:24])
    assert document.pictures[0].media_type == "image/png"
    assert (width, height) == (1240, 1755)  # 150 dpi


def test_a_scanned_file_has_an_empty_text_and_a_picture_of_every_page() -> None:
    document = read(raw_pdf([SCANNED] * 3))
    assert (document.title, document.text, document.blocks) == ("file", "", ())
    assert [picture.page for picture in document.pictures] == [1, 2, 3]
    assert len(document.pages) == 3


def test_a_logo_makes_no_scan() -> None:
    with pytest.raises(DocumentUnreadable, match="found no text on 1 pages"):
        read(raw_pdf(["q 80 0 0 80 40 740 cm /I0 Do Q"]))


def test_a_page_of_any_size_becomes_a_picture_of_bounded_size() -> None:
    page = "/MediaBox [0 0 14400 200]"
    picture = read(raw_pdf(["q 14400 0 0 200 0 0 cm /I0 Do Q"], page=page)).pictures[0]
    assert max(struct.unpack(">II", picture.data[16:24])) <= 2_000


def test_an_image_that_would_fill_the_memory_is_refused() -> None:
    huge = raw_pdf([SCANNED]).replace(b"/Width 8 /Height 8", b"/Width 20000 /Height 20000")
    with pytest.raises(DocumentUnreadable, match="at most 100 megapixels; found one of 20000 x 20000"):
        read(huge)


# hostile


def of_one_page(count: int) -> bytes:
    """A page tree that refers to one page again and again."""
    once = raw_pdf([text(LONG, 72, 700)])
    return once.replace(b"/Kids [6 0 R] /Count 1", b"/Kids [" + b"6 0 R " * count + b"] /Count %d" % count)


def test_more_pages_than_anybody_reads_are_refused_at_once() -> None:
    with pytest.raises(DocumentUnreadable, match="at most 20000 pages; found 20001"):
        read(of_one_page(20_001))


def test_a_page_tree_that_refers_to_one_page_again_and_again_is_read() -> None:
    assert len(read(of_one_page(300)).pages) == 300


@pytest.mark.parametrize("size", ["0", "-12", "99999999", "0.00001"])
def test_type_of_any_size_is_read(size: str) -> None:
    document = read(raw_pdf([f"BT /F0 {size} Tf 72 700 Td (One) Tj ET BT /F0 10 Tf 72 600 Td (two) Tj ET"]))
    assert "two" in document.text
    for before, after in pairwise(document.blocks):
        assert before.end <= after.start


@pytest.mark.parametrize("font", ["/Helvetica", "/Nowhere+Font", "/" + "A" * 300])
def test_fonts_that_are_not_there_are_read(font: str) -> None:
    content = raw_pdf([text("Some words", 72, 700)]).replace(
        b"/BaseFont /Helvetica ", f"/BaseFont {font} ".encode()
    )
    assert read(content).text == "Some words"


def annotated(content: str, *annotations: str) -> Document:
    """A page with annotations, each the inside of its dictionary."""
    listed = " ".join(f"<< /Type /Annot {annotation} >>" for annotation in annotations)
    return read(raw_pdf([content], page=f"/MediaBox [0 0 595 842] /Annots [{listed}]"))


def test_what_is_filled_into_a_form_stands_behind_its_label() -> None:
    labels = text("Name:", 72, 700) + text("I agree", 72, 650) + text("Signed in Ghent.", 72, 600)
    document = annotated(
        labels,
        "/Subtype /Widget /FT /Tx /T (a) /V (Ann Lee) /Rect [120 695 300 712]",
        "/Subtype /Widget /FT /Btn /T (b) /V /Yes /AS /Yes /Rect [120 648 132 660]",
        "/Subtype /Widget /FT /Btn /T (c) /V /Off /AS /Off /Rect [140 648 152 660]",
        "/Subtype /Widget /FT /Tx /T (d) /V (In between) /Rect [72 620 300 640]",
        "/Subtype /Widget /FT /Tx /T (e) /Rect [72 560 300 580]",
    )
    assert " ".join(document.text.split()) == "Name: Ann Lee I agree ☒ In between Signed in Ghent."


def test_notes_on_a_page_follow_its_text_and_are_no_title() -> None:
    document = annotated(
        text(LONG, 72, 300),
        "/Subtype /Text /Contents (Is that so?) /Rect [72 700 92 760]",
        "/Subtype /Popup /Contents (Is that so?) /Rect [72 700 92 720]",
        "/Subtype /Link /Contents (A link) /Rect [72 700 92 720]",
    )
    assert shown(document) == [LONG, "Is that so?"]
    assert document.title == LONG[:100]
    assert document.blocks[1].box == Box(72.0, 82.0, 92.0, 142.0)


def test_annotations_that_are_none_are_harmless() -> None:
    broken = ["/Subtype /Widget /V (x)", "/Subtype /Text /Contents 3 /Rect [1 2]", "/Rect [9 9 1 1] /Contents (y)"]
    assert shown(annotated(text(LONG, 72, 700), *broken)) == [LONG, "x"]
