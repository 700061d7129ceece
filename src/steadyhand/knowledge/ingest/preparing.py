"""From a document that was read to all that is stored of it. Pure; blocks, so it is for a worker thread."""

import hashlib

from steadyhand.knowledge.index.entries import PreparedChunk
from steadyhand.knowledge.ingest import duplicates
from steadyhand.knowledge.ingest.bringing import Piece
from steadyhand.knowledge.ingest.recipes import PICTURED, RECIPE
from steadyhand.knowledge.ingest.store import PreparedDocument
from steadyhand.knowledge.reading import chunking, formats
from steadyhand.language.detect import language_of
from steadyhand.language.words import terms
from steadyhand.types.document import Document

_LANGUAGE_SAMPLE = 20_000  # characters that tell a document's language


def prepare(piece: Piece, document: Document, origin: str, count_tokens: chunking.CountTokens) -> PreparedDocument:
    """Chunks and analyses the document of a piece, which came from `origin`."""
    language = language_of(document.text[:_LANGUAGE_SAMPLE])
    return PreparedDocument(
        path=piece.path,
        origin=origin,
        container=piece.wanted.named if piece.is_member else "",
        sha256=piece.sha256,
        recipe=RECIPE,
        language=language,
        document=document,
        chunks=tuple(_chunks(document, piece.path, language, count_tokens)),
        bands=duplicates.bands(document.text),
        facts=piece.wanted.facts,
        original=piece.content if formats.extension_of(piece.path) in PICTURED else b"",
    )


def _chunks(
    document: Document, path: str, language: str, count_tokens: chunking.CountTokens
) -> list[PreparedChunk]:
    prepared = []
    for chunk in chunking.chunks(document, count_tokens):
        body = document.text[chunk.start : chunk.end]
        context = chunking.context(document, chunk)
        indexed = f"{context}\n{body}"
        prepared.append(
            PreparedChunk(
                chunk=chunk,
                body=body,
                context=context,
                terms=terms(f"{path} {indexed}", language),
                text_hash=hashlib.sha256(indexed.encode()).digest(),
            )
        )
    return prepared
