"""Pages are painted in children, like everything that opens a stranger's file."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from document_files import page_of, pdf

from steadyhand.errors import DocumentUnreadable, DocumentUnsupported
from steadyhand.knowledge.reading.children import Readers

TWO_PAGES = pdf([page_of("The first page."), page_of("The limit is 140 euros per night.")])


@pytest.fixture(scope="module")
async def readers() -> AsyncIterator[Readers]:
    async with Readers(1, time_s=20.0) as opened:
        yield opened


async def test_a_page_comes_as_a_picture_with_its_marks(readers: Readers) -> None:
    plain, marked = await asyncio.gather(
        readers.show(TWO_PAGES, "a.pdf", 2), readers.show(TWO_PAGES, "a.pdf", 2, ("limit is 140 euros",))
    )
    assert plain.png.startswith(b"\x89PNG")
    assert plain.png != marked.png
    assert marked.is_marked
    assert not (await readers.show(TWO_PAGES, "a.pdf", 1, ("limit is 140 euros",))).is_marked


async def test_what_cannot_be_painted_says_why(readers: Readers) -> None:
    with pytest.raises(DocumentUnreadable, match="a page from 1 to 2; found 3"):
        await readers.show(TWO_PAGES, "a.pdf", 3)
    with pytest.raises(DocumentUnsupported, match="without pages to show"):
        await readers.show(b"words", "a.txt", 1)
    with pytest.raises(DocumentUnreadable):
        await readers.show(b"%PDF-1.7 broken", "b.pdf", 1)
