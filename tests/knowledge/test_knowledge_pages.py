"""Pages are shown with the words of a quote marked, and say where they stand."""

import struct
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from document_files import POLICY, Print, page_of, pdf
from numpy.typing import NDArray
from pdf_files import raw_pdf, text

from steadyhand.errors import DocumentUnreadable, DocumentUnsupported, NotFound
from steadyhand.knowledge.reading.formats import read_document
from steadyhand.knowledge.reading.pages import Shown, render
from steadyhand.types.document import Box


def pixels(data: bytes) -> NDArray[np.uint8]:
    """Of a PNG of ours: one chunk of each kind, rows filtered by Up. Checks what the format asks for."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        chunks[kind] = data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + chunks[kind])
        at += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert depth == 8
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    assert (rows[:, 0] == 2).all()
    channels = 3 if colour == 2 else 1
    return np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8).reshape(height, width, channels)


def yellow(shown: Shown) -> NDArray[np.bool_]:
    image = pixels(shown.data).astype(int)
    return image[:, :, 0] - image[:, :, 2] > 60


def test_a_page_is_shown_without_marks() -> None:
    shown = render(POLICY["pdf"], 1)
    image = pixels(shown.data)
    assert shown.media_type == "image/png"
    assert image.shape == (1699, 1200, 3)
    assert (image.min(), image.max()) == (0, 255)
    assert not yellow(shown).any()


def test_the_words_of_a_quote_are_marked_and_found() -> None:
    shown = render(POLICY["pdf"], 1, ["The limit is 140 euros per night."])
    (box,) = shown.found[0]
    assert (box.left, box.top) == pytest.approx((72, 164), abs=2)
    marked = np.argwhere(yellow(shown)) * 595 / 1200
    assert marked.min(axis=0) == pytest.approx((box.top, box.left), abs=2)
    assert marked.max(axis=0) == pytest.approx((box.bottom, box.right), abs=2)


def test_dark_letters_stay_dark_under_a_mark() -> None:
    shown = render(pdf([[Print("Words", size=40)]]), 1, [Box(60, 90, 300, 160)])
    assert pixels(shown.data).min() < 20
    assert shown.found == ((Box(60, 90, 300, 160),),)


@pytest.mark.parametrize(
    "quote",
    [
        "A quote over a line break with a com-pound word",
        "a QUOTE\n\nover a line   break with a compound word",
        "quote over a line break",
    ],
)
def test_a_quote_is_found_whatever_line_breaks_and_hyphens_do(quote: str) -> None:
    found = render(
        pdf([page_of("Before. A quote over a line", "break with a com-", "pound word, and more.")]), 1, [quote]
    ).found[0]
    assert 2 <= len(found) <= 3
    assert all(below.top > above.top for above, below in pairwise(found))


def test_a_quote_that_is_not_there_is_not_marked() -> None:
    shown = render(POLICY["pdf"], 1, ["Nobody ever wrote these words on any page of it", "", "   ", "-"])
    assert shown.found == ((), (), (), ())
    assert not yellow(shown).any()


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_marks_follow_the_page_as_it_is_shown(turn: int) -> None:
    page = f"/MediaBox [0 0 600 900] /CropBox [50 50 450 850] /Rotate {turn}"
    content = raw_pdf([text("Hamburg", 100, 700)], page=page)
    shown = render(content, 1, ["Hamburg"])
    image = pixels(shown.data)
    marked = np.argwhere(yellow(shown))
    (top, left), (bottom, right) = marked.min(axis=0), marked.max(axis=0) + 1
    inside = image[top:bottom, left:right].copy()
    image[top:bottom, left:right] = 255
    assert inside.min() < 60  # the letters are under the mark
    assert image.min() > 200  # and nowhere else


def test_pages_of_any_shape_stay_bounded() -> None:
    for size in ("14400 3", "3 14400", "14400 14400", "1 1"):
        page = f"/MediaBox [0 0 {size}]"
        height, width, _ = pixels(render(raw_pdf([text("x", 1, 1)], page=page), 1).data).shape
        assert 1 <= width <= 1_201
        assert 1 <= height <= 3_601


@pytest.mark.parametrize("number", [0, -1, 2, 10**9])
def test_a_page_that_is_not_there_is_not_found(number: int) -> None:
    with pytest.raises(NotFound, match="expected a page from 1 to 1; found"):
        render(POLICY["pdf"], number)
    with pytest.raises(NotFound, match="expected a page from 1 to 1; found"):
        render(b"\x89PNG\r\n\x1a\n", number)


def test_images_are_shown_as_they_are_and_other_formats_have_no_pages() -> None:
    image = b"\xff\xd8\xff\xe0 whatever"
    assert render(image, 1, ["words"]) == Shown("image/jpeg", image, ((),))
    with pytest.raises(DocumentUnsupported, match="without pages to show"):
        render(POLICY["docx"], 1)
    with pytest.raises(DocumentUnreadable, match="pdfium cannot open"):
        render(POLICY["pdf"][:300], 1)


def test_what_is_read_from_a_filing_is_found_on_its_pages(shared: Path) -> None:
    content = (shared / "data/retrieval/sec10q/pdfs/2023 Q3 AMZN.pdf").read_bytes()
    document = read_document(content, "filing.pdf")
    for number in (4, 8, 20):
        blocks = [block for block in document.blocks if block.page == number]
        shown = render(content, number, [document.text[block.start : block.end] for block in blocks])
        for block, found in zip(blocks, shown.found, strict=True):
            assert block.box is not None
            assert found, document.text[block.start : block.end]
            assert any(block.box.top - 4 <= box.top and box.bottom <= block.box.bottom + 4 for box in found)
