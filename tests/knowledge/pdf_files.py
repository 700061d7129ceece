"""PDFs made from nothing whose pages are turned, cropped, scanned, or say something of themselves."""

from collections.abc import Sequence


def raw_pdf(pages: Sequence[str], *, page: str = "", info: str = "", resources: str = "") -> bytes:
    """A PDF of content streams. `page` goes into every page's dictionary, `info` says what the file is.

    Fonts are /F0 Helvetica and /F1 Helvetica-Bold, and /I0 is a grey image of 8 x 8 pixels.
    """
    image = f"<< /Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent 8 {resources} "
    image += f"/Filter /ASCIIHexDecode /Length 129 >>\nstream\n{'80' * 64}>\nendstream"
    face = "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "",
        face.format("Helvetica"),
        face.format("Helvetica-Bold"),
        image,
    ]
    kids = []
    for content in pages:
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            "<< /Type /Page /Parent 2 0 R /Resources << /Font << /F0 3 0 R /F1 4 0 R >> /XObject << /I0 5 0 R >> >> "
            f"/Contents {len(objects) + 2} 0 R {page or '/MediaBox [0 0 595 842]'} >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    objects.append(f"<< {info} >>")
    return _assembled(objects)


def text(shown: str, x: float, y: float, size: float = 10, *, matrix: str = "") -> str:
    """The operators that show a text, its lower left corner at a point; or wherever a text matrix puts it."""
    place = f"{matrix} Tm" if matrix else f"{x} {y} Td"
    return f"BT /F0 {size} Tf {place} ({shown}) Tj ET\n"


SCANNED = "q 595 0 0 842 0 0 cm /I0 Do Q"


def _assembled(objects: Sequence[str]) -> bytes:
    written = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, source in enumerate(objects, start=1):
        offsets.append(len(written))
        written += f"{number} 0 obj\n{source}\nendobj\n".encode("cp1252")
    start = len(written)
    written += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    written += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    trailer = (
        f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>\nstartxref\n{start}\n%%EOF\n"
    )
    return bytes(written) + trailer.encode()
