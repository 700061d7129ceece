"""Small files of every format, made from nothing, so that a test shows what is in them."""

from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


class Print(NamedTuple):
    """A text on a PDF page, with its lower left corner in points."""

    text: str
    x: float = 72
    y: float = 700
    size: float = 10
    is_bold: bool = False


def page_of(*texts: str, x: float = 72, size: float = 10) -> list[Print]:
    """Lines below each other; an empty text leaves a gap."""
    return [Print(text, x=x, y=760 - 12 * at, size=size) for at, text in enumerate(texts) if text]


def pdf(pages: Sequence[Sequence[Print]], *, title: str = "", is_encrypted: bool = False) -> bytes:
    """A PDF with Helvetica and Helvetica-Bold; texts are Windows-1252. Encrypted: asks for a password."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    objects += [
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{face} /Encoding /WinAnsiEncoding >>" for face in _FACES
    ]
    objects.append(f"<< /Title ({title}) >>" if title else "<< >>")
    kids = []
    for page in pages:
        content = "".join(
            f"BT /F{int(shown.is_bold)} {shown.size} Tf {shown.x} {shown.y} Td ({_escaped(shown.text)}) Tj ET\n"
            for shown in page
        )
        kids.append(f"{len(objects) + 1} 0 R")
        resources = "<< /Font << /F0 3 0 R /F1 4 0 R >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources {resources} "
            f"/Contents {len(objects) + 2} 0 R >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}endstream")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    trailer = "/Info 5 0 R"
    if is_encrypted:
        trailer += f" /ID [<{'11' * 16}> <{'11' * 16}>]"
        trailer += f" /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <{'00' * 32}> /U <{'00' * 32}> >>"
    return _assembled(objects, trailer)


_FACES = ("Helvetica", "Helvetica-Bold")


def scan(pages: int) -> bytes:
    """A PDF whose pages show one grey image and no text."""
    kids = " ".join(f"{4 + at} 0 R" for at in range(pages))
    stream = "<< /Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent 8 "
    stream += f"/Filter /ASCIIHexDecode /Length 128 >>\nstream\n{'80' * 64}\nendstream"
    page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /XObject << /I0 3 0 R >> >> "
    page += f"/Contents {4 + pages} 0 R >>"
    drawing = "q 400 0 0 600 90 120 cm /I0 Do Q"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>",
        stream,
        *[page] * pages,
        f"<< /Length {len(drawing)} >>\nstream\n{drawing}\nendstream",
    ]
    return _assembled(objects)


def _assembled(objects: Sequence[str], trailer: str = "") -> bytes:
    written = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, source in enumerate(objects, start=1):
        offsets.append(len(written))
        written += f"{number} 0 obj\n{source}\nendobj\n".encode("cp1252")
    start = len(written)
    written += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    written += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n"
    return bytes(written) + trailer.encode()


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def docx(body: str, *, styles: str = "", title: str = "", declaration: str = "") -> bytes:
    """A Word document around the XML of a body."""
    with BytesIO() as file:
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            archive.writestr(
                "word/document.xml", f"{declaration}<w:document {_W}><w:body>{body}</w:body></w:document>"
            )
            if styles:
                archive.writestr("word/styles.xml", f"<w:styles {_W}>{styles}</w:styles>")
            if title:
                core = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
                archive.writestr(
                    "docProps/core.xml",
                    f'<c:coreProperties xmlns:c="{core}" xmlns:dc="http://purl.org/dc/elements/1.1/">'
                    f"<dc:title>{escape(title)}</dc:title></c:coreProperties>",
                )
        return file.getvalue()


def p(text: str, style: str = "", *, more: str = "") -> str:
    """A paragraph of a Word document; `more` goes into its properties."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{named}{more}</w:pPr><w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


def tbl(*rows: Sequence[str]) -> str:
    """A table of a Word document; cells are XML."""
    shown = ("".join(f"<w:tc>{cell}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in shown)}</w:tbl>"


ITEM = '<w:numPr><w:ilvl w:val="0"/></w:numPr>'

POLICY = {
    "docx": docx(
        p("Hotels", "Heading1")
        + p("The limit is 140 euros per night.")
        + p("with breakfast", more=ITEM)
        + p("without city tax", more=ITEM)
        + tbl([p("City"), p("Limit")], [p("Berlin"), p("140")], [p("Zürich"), p("215")]),
        title="Travel policy",
    ),
    "html": b"""<!doctype html><title>Travel policy</title><nav>Home</nav><h1>Hotels</h1>
        <p>The limit is 140 euros per night.</p><ul><li>with breakfast<li>without city tax</ul>
        <table><tr><th>City<th>Limit<tr><td>Berlin<td>140<tr><td>Z&uuml;rich<td>215</table>""",
    "markdown": """---
title: Travel policy
---
# Hotels

The limit is 140 euros per night.

- with breakfast
- without city tax

| City | Limit |
|---|---|
| Berlin | 140 |
| Zürich | 215 |
""".encode(),
    "pdf": pdf(
        [
            [
                Print("Hotels", y=700, size=16, is_bold=True),
                Print("The limit is 140 euros per night.", y=670),
                Print("• with breakfast", y=650),
                Print("• without city tax", y=638),
                Print("City", y=610, is_bold=True),
                Print("Limit", x=400, y=610, is_bold=True),
                Print("Berlin", y=596),
                Print("140", x=400, y=596),
                Print("Zürich", y=582),
                Print("215", x=400, y=582),
            ]
        ],
        title="Travel policy",
    ),
    "text": """Travel policy

1 Hotels

The limit is 140 euros per night.

- with breakfast
- without city tax

City      Limit
Berlin    140
Zürich    215
""".encode(),
}
"""The same document once per reader: what a new reader has to be able to read."""
