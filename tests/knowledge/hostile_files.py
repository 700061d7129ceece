"""Files that cost much more than they weigh."""

from collections.abc import Sequence


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
