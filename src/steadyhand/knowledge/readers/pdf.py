"""PDF through pdfium: the text layer in reading order, page by page; scanned pages as pictures."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain

import pypdfium2 as pdfium

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._draft import Draft, is_title
from steadyhand.knowledge.readers._pdf_blocks import pieces
from steadyhand.knowledge.readers._pdf_columns import in_reading_order
from steadyhand.knowledge.readers._pdf_file import ONE_AT_A_TIME, frame, metadata, opened, pages, title
from steadyhand.knowledge.readers._pdf_filled import with_written
from steadyhand.knowledge.readers._pdf_hyphens import HYPHEN, resolved
from steadyhand.knowledge.readers._pdf_line import Line, Piece, Sheet
from steadyhand.knowledge.readers._pdf_lines import lines
from steadyhand.knowledge.readers._pdf_render import pictures
from steadyhand.knowledge.readers._pdf_running import BATCH, Running
from steadyhand.types.document import Document

EXTENSIONS = (".pdf",)

_TITLE_LIMIT = 100  # code points
_Titles = tuple[int, int]


def read(content: bytes, name: str) -> Document:
    """The document behind the text layer, without running titles and page numbers; scanned pages are pictures.

    `page.number` is the position in the file, not the printed number. Raises `DocumentUnreadable` for encrypted and
    broken files, and where there is neither text nor an image. Blocks; one PDF is read at a time in a process.
    """
    with ONE_AT_A_TIME, closing(opened(content, name)) as pdf:
        stated, said = title(pdf), metadata(pdf)
        blocks: list[list[Piece]] = []
        sizes: list[tuple[float, float]] = []
        largest = ""
        running = Running(len(pdf))
        for batch in _batches(_sheets(pdf, name)):
            largest = largest or _largest(batch[0].lines)
            for sheet in running.without(batch):
                blocks.append(pieces(sheet.lines))
                sizes.append((sheet.width, sheet.height))
        scans = pictures(pdf, [number for number, found in enumerate(blocks, start=1) if not found], name)
    if not scans and not any(blocks):
        raise DocumentUnreadable(
            f"{name}: expected a document with text; found no text on {len(sizes)} pages",
            hint="leave empty files out",
        )
    draft = _draft(name, resolved(blocks), sizes)
    return draft.document(stated if is_title(stated) else largest, said, scans)


def _sheets(pdf: pdfium.PdfDocument, name: str) -> Iterator[Sheet]:
    for number, (page, text) in enumerate(pages(pdf, name), start=1):
        shown = frame(page)
        found = with_written(in_reading_order(lines(text, shown, name)), page, shown)
        yield Sheet(number, shown.width, shown.height, found)


def _batches(sheets: Iterator[Sheet]) -> Iterator[list[Sheet]]:
    batch: list[Sheet] = []
    for sheet in sheets:
        batch.append(sheet)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _largest(found: Sequence[Line]) -> str:
    """What the first page says in the largest type, or its first line when all are alike."""
    size = max((line.size for line in found), default=0.0)
    said = [line.text.replace(HYPHEN, "-") for line in found if line.size == size]
    text = " ".join(said)
    return text if len(text) <= _TITLE_LIMIT else said[0][:_TITLE_LIMIT] if said else ""


def _draft(name: str, blocks: Sequence[Sequence[Piece]], sizes: Sequence[tuple[float, float]]) -> Draft:
    draft = Draft(name)
    common = _common(blocks)
    open_table: tuple[Piece, _Titles] | None = None  # the table that the page before ends with
    for found, (width, height) in zip(blocks, sizes, strict=True):
        if found:
            carried = open_table if open_table and _goes_on(open_table[0], found[0]) else None
            open_table = None
        for piece in found:
            titles = None
            if piece.kind == "heading" and piece.text not in common:
                draft.heading(piece.text, piece.level, box=piece.box)
            elif piece.kind == "heading":
                draft.add("paragraph", piece.text, box=piece.box)
            else:
                inherited = carried[1] if carried and piece is found[0] else None
                titles = draft.add(
                    piece.kind, piece.text, header_lines=piece.header_lines, box=piece.box, titles=inherited
                )
            open_table = (piece, titles) if titles else None
        draft.end_page(width, height)
    return draft


def _goes_on(above: Piece, below: Piece) -> bool:
    """Are both parts of one table, whose titles are printed only once?"""
    same_figures = abs(above.figures - below.figures) <= 1
    return above.kind == below.kind == "table" and not below.header_lines and same_figures


def _common(blocks: Sequence[Sequence[Piece]]) -> set[str]:
    """Texts that return on so many pages that they open no section."""
    often = len(blocks) / 5
    anywhere = Counter(piece.text for piece in chain.from_iterable(blocks) if len(piece.text) <= 200)
    on_top = Counter(found[0].text for found in blocks if found)
    return {text for text, count in anywhere.items() if count >= max(4, often) or on_top[text] >= max(2, often)}
