"""Small files of every format, made from nothing, so that a test shows what is in them."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import NamedTuple
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from mail_files import binary, message, ole, text

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


_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def relations(**targets: str) -> str:
    """The part that says what another points to: `rId1="slide slides/slide1.xml"`."""
    pairs = ((key, *value.split(" ")) for key, value in targets.items())
    shown = (
        f'<Relationship Id="{key}" Type="{_RELATIONS}/{kind}" Target="{target}"/>' for key, kind, target in pairs
    )
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{"".join(shown)}</Relationships>'


def office(main: str, parts: Mapping[str, str | bytes], *, core: str = "") -> bytes:
    """An Office file around its main part; `core` is the XML of its properties."""
    properties = {}
    if core:
        space = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
        spaces = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
        properties = {
            "docProps/core.xml": f'<c:coreProperties xmlns:c="{space}" {spaces}>{core}</c:coreProperties>'
        }
    root = relations(rId1=f"officeDocument {main}", rId2="core-properties docProps/core.xml")
    return zipped({"_rels/.rels": root, **properties, **parts})


def zipped(parts: Mapping[str, str | bytes], method: int = ZIP_DEFLATED) -> bytes:
    with BytesIO() as file:
        with ZipFile(file, "w", method) as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        return file.getvalue()


def docx(
    body: str,
    *,
    styles: str = "",
    title: str = "",
    declaration: str = "",
    core: str = "",
    parts: Mapping[str, str] | None = None,
    **related: str,
) -> bytes:
    """A Word document around the XML of a body, with other `parts` and how it points to them."""
    shown = {"word/styles.xml": f"<w:styles {_W}>{styles}</w:styles>"} if styles else {}
    return office(
        "word/document.xml",
        {
            "word/document.xml": f"{declaration}<w:document {_W}><w:body>{body}</w:body></w:document>",
            "word/_rels/document.xml.rels": relations(styles="styles styles.xml", **related),
            **shown,
            **(parts or {}),
        },
        core=(f"<dc:title>{escape(title)}</dc:title>" if title else "") + core,
    )


def p(text: str, style: str = "", *, more: str = "") -> str:
    """A paragraph of a Word document; `more` goes into its properties."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{named}{more}</w:pPr><w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


def tbl(*rows: Sequence[str]) -> str:
    """A table of a Word document; cells are XML."""
    shown = ("".join(f"<w:tc>{cell}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in shown)}</w:tbl>"


_DRAWING = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
_SLIDE = f'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" {_DRAWING} xmlns:r="{_RELATIONS}"'
_SHEET = f'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{_RELATIONS}"'


def pptx(
    *slides: str,
    core: str = "",
    parts: Mapping[str, str] | None = None,
    first: Mapping[str, str] | None = None,
    is_hidden: bool = False,
) -> bytes:
    """A presentation of slides, each the XML of its shapes; `first` is what the first slide points to."""
    mark = ' show="0"' if is_hidden else ""
    ids = "".join(f'<p:sldId id="{255 + at}" r:id="s{at}"/>' for at in range(1, len(slides) + 1))
    shown = {
        f"ppt/slides/slide{at}.xml": f"<p:sld {_SLIDE}{mark}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
        for at, shapes in enumerate(slides, start=1)
    }
    return office(
        "ppt/presentation.xml",
        {
            "ppt/presentation.xml": f"<p:presentation {_SLIDE}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": relations(
                **{f"s{at}": f"slide slides/slide{at}.xml" for at in range(1, len(slides) + 1)}
            ),
            "ppt/slides/_rels/slide1.xml.rels": relations(**(first or {})),
            **shown,
            **(parts or {}),
        },
        core=core,
    )


def sp(*texts: str, kind: str | None = None, x: int = 0, y: int = 0, more: str = "") -> str:
    """A shape with paragraphs at a place in EMU; `kind` makes it a placeholder, `more` goes before each text."""
    mark = f'<p:ph type="{kind}"/>' if kind is not None else ""
    body = "".join(f"<a:p>{more}<a:r><a:t>{escape(text)}</a:t></a:r></a:p>" for text in texts)
    place = f'<p:spPr><a:xfrm><a:off x="{x}" y="{y}"/></a:xfrm></p:spPr>'
    return f"<p:sp><p:nvSpPr><p:nvPr>{mark}</p:nvPr></p:nvSpPr>{place}<p:txBody>{body}</p:txBody></p:sp>"


def frame(inner: str, *, y: int = 0) -> str:
    """A frame on a slide around a table, a chart or a diagram."""
    place = f'<p:xfrm><a:off x="0" y="{y}"/></p:xfrm>'
    return f"<p:graphicFrame>{place}<a:graphic><a:graphicData>{inner}</a:graphicData></a:graphic></p:graphicFrame>"


def a_tbl(*rows: Sequence[str]) -> str:
    """A table on a slide."""
    cell = "<a:tc><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>"
    shown = ("".join(cell.format(escape(text)) for text in row) for row in rows)
    return f"<a:tbl>{''.join(f'<a:tr>{row}</a:tr>' for row in shown)}</a:tbl>"


def xlsx(
    sheets: Mapping[str, str],
    *,
    core: str = "",
    codes: Sequence[str] = (),
    properties: str = "",
    states: Mapping[str, str] | None = None,
    parts: Mapping[str, str] | None = None,
    first: Mapping[str, str] | None = None,
) -> bytes:
    """A workbook of sheets by name, each the XML of its rows; `first` is what the first sheet points to.

    Cells with the style `s="1"` have the first of the number formats `codes`, and so on.
    """
    listed = "".join(
        f'<sheet name="{name}" sheetId="{at}" r:id="s{at}" state="{(states or {}).get(name, "visible")}"/>'
        for at, name in enumerate(sheets, start=1)
    )
    formats = "".join(f"<numFmt numFmtId='{200 + at}' formatCode='{escape(c)}'/>" for at, c in enumerate(codes))
    styles = "".join(f'<xf numFmtId="{200 + at}"/>' for at in range(len(codes)))
    return office(
        "xl/workbook.xml",
        {
            "xl/workbook.xml": f"<workbook {_SHEET}>{properties}<sheets>{listed}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relations(
                styles="styles styles.xml",
                **{f"s{at}": f"worksheet worksheets/sheet{at}.xml" for at in range(1, len(sheets) + 1)},
            ),
            "xl/styles.xml": f"<styleSheet {_SHEET}><numFmts>{formats}</numFmts>"
            f'<cellXfs><xf numFmtId="0"/>{styles}</cellXfs></styleSheet>',
            "xl/worksheets/_rels/sheet1.xml.rels": relations(**(first or {})),
            **{
                f"xl/worksheets/sheet{at}.xml": f"<worksheet {_SHEET}>{rows}</worksheet>"
                for at, rows in enumerate(sheets.values(), start=1)
            },
            **(parts or {}),
        },
        core=core,
    )


def sheet_data(*rows: Sequence[str | int | float | None], more: str = "") -> str:
    """The rows of a sheet from A1 on; `more` follows them. An empty sequence is a row that is not there."""
    shown = (
        f'<row r="{number}">{"".join(cell(value, f"{chr(65 + at)}{number}") for at, value in enumerate(row))}</row>'
        for number, row in enumerate(rows, start=1)
        if row
    )
    return f"<sheetData>{''.join(shown)}</sheetData>{more}"


def cell(value: str | float | None, place: str, style: int = 0) -> str:
    """A cell of a sheet; text stands in it, not in the shared strings."""
    if value is None:
        return f'<c r="{place}" s="{style}"/>'
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f'<c r="{place}" s="{style}"><v>{value}</v></c>'


ITEM = '<w:numPr><w:ilvl w:val="0"/></w:numPr>'

_POLICY_PAGE = b"""<h1>Hotels</h1><p>The limit is 140 euros per night.</p><ul><li>with breakfast<li>without city tax</ul>
    <table><tr><th>City<th>Limit<tr><td>Berlin<td>140<tr><td>Z&uuml;rich<td>215</table>"""
_POLICY_TITLE = "<dc:title>Travel policy</dc:title>"

POLICY = {
    "csv": "City;Limit\nBerlin;140\nZürich;215\n".encode(),
    "json": """{"title": "Travel policy", "Hotels": {
        "rule": "The limit is 140 euros per night.",
        "what belongs to it": ["with breakfast", "without city tax", "with what the hotel asks for the use of its network"],
        "limits": [{"City": "Berlin", "Limit": 140}, {"City": "Zürich", "Limit": 215}]}}""".encode(),
    "pptx": pptx(
        sp("Hotels", kind="title")
        + sp("The limit is 140 euros per night.", y=1_000_000)
        + sp("with breakfast", "without city tax", kind="body", y=2_000_000)
        + frame(a_tbl(["City", "Limit"], ["Berlin", "140"], ["Zürich", "215"]), y=3_000_000),
        core=_POLICY_TITLE,
    ),
    "xlsx": xlsx(
        {
            "Hotels": sheet_data(
                ["The limit is 140 euros per night."],
                [],
                ["- with breakfast"],
                ["- without city tax"],
                [],
                ["City", "Limit"],
                ["Berlin", 140],
                ["Zürich", 215],
            )
        },
        core=_POLICY_TITLE,
    ),
    "docx": docx(
        p("Hotels", "Heading1")
        + p("The limit is 140 euros per night.")
        + p("with breakfast", more=ITEM)
        + p("without city tax", more=ITEM)
        + tbl([p("City"), p("Limit")], [p("Berlin"), p("140")], [p("Zürich"), p("215")]),
        title="Travel policy",
    ),
    "eml": b"From: ann@x.example\nSubject: Travel policy\nContent-Type: text/html\n\n" + _POLICY_PAGE,
    "html": b"<!doctype html><title>Travel policy</title><nav>Home</nav>" + _POLICY_PAGE,
    "image": bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
        "3a7e9b550000000a49444154789c63680000008200815d8e6ec20000000049454e44ae426082"
    ),
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
    "msg": ole(message(text(0x0037, "Travel policy"), binary(0x1013, _POLICY_PAGE))),
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
