"""Files that cost much more than they weigh."""

import struct
import zlib
from collections.abc import Sequence
from functools import cache


def long_pdf(pages: int, lines: int = 40) -> bytes:
    """A PDF whose pages all show the same content, so that its size says little about the work it makes."""
    shown = "".join(
        f"1 0 0 1 72 {780 - 16 * (line % 45)} Tm (Line {line} says little.) Tj\n" for line in range(lines)
    )
    content = f"BT /F0 10 Tf\n{shown}ET"
    kids = " ".join(f"{number} 0 R" for number in range(5, 5 + pages))
    page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F0 3 0 R >> >> /Contents 4 0 R >>"
    return written_pdf(
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>",
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
            *[page] * pages,
        ]
    )


def written_pdf(objects: Sequence[str | bytes]) -> bytes:
    """A PDF of these objects, the first of which is its catalog."""
    written = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, source in enumerate(objects, start=1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, source if isinstance(source, bytes) else source.encode())
    start = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return bytes(written) + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )


def pdf_with_stream(
    dictionary: str, stream: bytes, *, content: bytes = b"BT /F0 10 Tf 72 700 Td (Text.) Tj ET"
) -> bytes:
    """A PDF of one page with a stream that its font, its image or its content refers to, as object 5."""
    resources = "<< /Font << /F0 6 0 R >> /XObject << /I0 5 0 R >> >>"
    font = f"/FirstChar 0 /LastChar 255 /Widths [{' '.join(['600'] * 256)}] /FontDescriptor 7 0 R"
    face = "/FontBBox [0 0 1000 1000] /ItalicAngle 0 /Ascent 900 /Descent -200 /CapHeight 700 /StemV 80"
    return written_pdf(
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources {resources} >>",
            b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
            b"<< %b /Length %d >>\nstream\n%b\nendstream" % (dictionary.encode(), len(stream), stream),
            f"<< /Type /Font /Subtype /TrueType /BaseFont /Odd {font} /Encoding /WinAnsiEncoding >>",
            f"<< /Type /FontDescriptor /FontName /Odd /Flags 32 {face} /FontFile2 5 0 R /FontFile 5 0 R >>",
        ]
    )


@cache
def deflated(mebibytes: int, *, times: int = 1) -> bytes:
    """Zeros, packed so often."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(mebibytes)) + packer.flush()
    for _ in range(times - 1):
        packed = zlib.compress(packed, 9)
    return packed


def true_type(tables: bytes) -> bytes:
    """A font whose tables all lie at the same place, with lengths that reach out of the file."""
    names = (b"cmap", b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp", b"fpgm", b"prep")
    head = struct.pack(">IHHHH", 0x00010000, len(names), 128, 3, 16)
    return head + b"".join(name + struct.pack(">III", 0, 12, 0x7FFFFFFF) for name in names) + tables


def png(width: int, height: int, packed: bytes) -> bytes:
    """A grey image that says to be so large."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


LAUGHS = (
    '<!DOCTYPE d [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, 12))
    + "]>"
)
"""Ten to the eleventh times "ha", by the name a11."""

OUTSIDE = '<!DOCTYPE d [<!ENTITY a11 SYSTEM "file:///etc/passwd">]>'
