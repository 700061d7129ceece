"""Writes the PDF and DOCX files of the example company from the Markdown texts in `sources/`.

Only needed when one of those texts, or a price in `company/data/catalogue.csv`, has changed: the documents are
committed. Two builds of the same texts give the same bytes. What it needs is not a dependency of the project:

    python -m venv build/documents && build/documents/bin/pip install "reportlab>=4.2,<6" "python-docx>=1.2,<2" \
        "markdown-it-py>=4,<5" && build/documents/bin/python examples/build_documents.py

A text begins with a TOML header between two lines of `+++`. In it, `<!-- page -->` begins a new page and
`<!-- prices: Bags -->` stands for the catalogue's rows of one category.
"""

import csv
import re
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import escape

import docx as word
from docx.document import Document as WordDocument
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.text.paragraph import Paragraph as WordParagraph
from docx.text.run import Run
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode as Node
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import cm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    ListFlowable,
    ListItem,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

HERE = Path(__file__).parent
COMPANY = HERE / "company"
MARKDOWN = MarkdownIt("commonmark").enable("table").disable("newline")  # a wrapped line is one text

GREEN, PALE, LINE, GREY = HexColor("#1f4d3a"), HexColor("#eef3ef"), HexColor("#b9c7be"), HexColor("#5f6b64")
WIDTH = A4[0] - 4.4 * cm  # between the margins

BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=10, leading=14.5, spaceAfter=6)
INTRODUCTION = ParagraphStyle("introduction", parent=BODY, keepWithNext=1)
CELL = ParagraphStyle("cell", parent=BODY, fontSize=9, leading=11.5, spaceAfter=0)
NUMBER = ParagraphStyle("number", parent=CELL, alignment=2)
HEAD = ParagraphStyle("head", parent=CELL, fontName="Helvetica-Bold", textColor=HexColor("#ffffff"))
NUMBER_HEAD = ParagraphStyle("number-head", parent=HEAD, alignment=2)
TITLE = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=22, leading=27, textColor=GREEN, spaceAfter=10)
HEADINGS = {
    2: ParagraphStyle("h2", fontName="Helvetica-Bold", fontSize=13.5, leading=17, textColor=GREEN, spaceBefore=12,
                      spaceAfter=5, keepWithNext=1),
    3: ParagraphStyle("h3", fontName="Helvetica-Bold", fontSize=10.5, leading=14, spaceBefore=7, spaceAfter=3,
                      keepWithNext=1),
}  # fmt: skip


@dataclass(frozen=True)
class Text:
    """One document: what its header says, and its body as a Markdown tree."""

    title: str
    version: str
    owner: str
    effective: date
    review: date
    classification: str
    output: Path
    body: Node

    @property
    def facts(self) -> list[tuple[str, str]]:
        return [
            ("Version", self.version),
            ("Owner", self.owner),
            ("Effective from", _day(self.effective)),
            ("Next review", _day(self.review)),
            ("Classification", self.classification),
        ]


def main() -> None:
    for path in sorted((HERE / "sources").glob("*.md")):
        text = read(path)
        content = pdf(text) if text.output.suffix == ".pdf" else docx(text)
        text.output.write_bytes(content)
        print(f"{text.output.relative_to(HERE)}  {len(content) / 1000:.0f} kB")


def read(path: Path) -> Text:
    """The document in `path`. Its PDF is set in a standard font, so the text must fit in Windows-1252."""
    _, header, body = path.read_text("utf-8").split("+++\n", 2)
    body.encode("cp1252")
    fields = tomllib.loads(header)
    fields["output"] = COMPANY / fields["output"]
    return Text(**fields, body=Node(MARKDOWN.parse(_with_prices(body))))


def _with_prices(body: str) -> str:
    def table(category: re.Match[str]) -> str:
        head = ["| Article no. | Product | Weight (g) | Price (EUR) |", "| --- | --- | ---: | ---: |"]
        return "\n".join(head + [_price_row(row) for row in catalogue if row["category"] == category[1]])

    catalogue = list(csv.DictReader((COMPANY / "data" / "catalogue.csv").open(encoding="utf-8")))
    return re.sub(r"<!-- prices: (.+?) -->", table, body)


def _price_row(row: dict[str, str]) -> str:
    return f"| {row['sku']} | {row['name']} | {int(row['weight_g']):,} | {row['price_eur']} |"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _rows(table: Node) -> tuple[list[list[Node]], list[bool]]:
    """The cells of a Markdown table, the header row first, and for each column whether it holds numbers."""
    rows = [row.children for section in table.children for row in section.children]
    return rows, ["right" in str(cell.attrs.get("style", "")) for cell in rows[0]]


# --- PDF


def pdf(text: Text) -> bytes:
    buffer = BytesIO()
    template = BaseDocTemplate(
        buffer, pagesize=A4, title=text.title, author="Tarnwald GmbH", subject=f"Version {text.version}",
        leftMargin=2.2 * cm, rightMargin=2.2 * cm, topMargin=2.6 * cm, bottomMargin=2.4 * cm, invariant=1,
    )  # fmt: skip
    frame = Frame(template.leftMargin, template.bottomMargin, template.width, template.height, 0, 0, 0, 0)
    template.addPageTemplates(PageTemplate(frames=[frame], onPage=lambda canvas, _: _margins(canvas, text)))
    story: list[Flowable] = [Paragraph(escape(text.title), TITLE), _fact_box(text), Spacer(0, 14)]
    template.build(story + [flowable for node in text.body.children for flowable in _flowables(node)])
    return buffer.getvalue()


def _margins(canvas: Canvas, text: Text) -> None:
    canvas.saveState()
    canvas.setFont("Helvetica-Bold", 8.5)
    canvas.setFillColor(GREEN)
    canvas.drawString(2.2 * cm, A4[1] - 1.6 * cm, "TARNWALD")
    canvas.setFont("Helvetica", 8.5)
    canvas.setFillColor(GREY)
    canvas.drawRightString(A4[0] - 2.2 * cm, A4[1] - 1.6 * cm, f"{text.title} · version {text.version}")
    canvas.setStrokeColor(LINE)
    canvas.line(2.2 * cm, A4[1] - 1.8 * cm, A4[0] - 2.2 * cm, A4[1] - 1.8 * cm)
    canvas.line(2.2 * cm, 1.7 * cm, A4[0] - 2.2 * cm, 1.7 * cm)
    canvas.drawString(2.2 * cm, 1.25 * cm, f"Tarnwald GmbH · {text.classification} · owner: {text.owner}")
    canvas.drawRightString(A4[0] - 2.2 * cm, 1.25 * cm, f"Page {canvas.getPageNumber()}")
    canvas.restoreState()


def _fact_box(text: Text) -> Table:
    rows = [[Paragraph(f"<b>{name}</b>", CELL), Paragraph(escape(value), CELL)] for name, value in text.facts]
    box = Table(rows, colWidths=[3.4 * cm, WIDTH - 3.4 * cm])
    box.setStyle(TableStyle([("BACKGROUND", (0, 0), (-1, -1), PALE), ("LINEBELOW", (0, 0), (-1, -2), 0.4, LINE)]))
    return box


def _flowables(node: Node) -> Iterator[Flowable]:
    match node.type:
        case "heading":
            yield Paragraph(_markup(node), HEADINGS[int(node.tag[1])])
        case "paragraph":
            introduces = node.next_sibling is not None and node.next_sibling.type == "table"
            yield Paragraph(_markup(node), INTRODUCTION if introduces else BODY)
        case "bullet_list" | "ordered_list":
            is_bullet = node.type == "bullet_list"
            items = [ListItem([Paragraph(_markup(item), BODY)]) for item in node.children]
            yield ListFlowable(
                items, bulletType="bullet" if is_bullet else "1", start="•" if is_bullet else 1, leftIndent=16
            )
        case "table":
            yield from (_table(node), Spacer(0, 9))
        case "html_block":  # <!-- page -->
            yield PageBreak()
        case other:
            raise ValueError(f"expected a block that the PDF builder knows; found {other!r}")


def _table(node: Node) -> Table:
    rows, is_number = _rows(node)
    styles = [(NUMBER_HEAD, NUMBER) if right else (HEAD, CELL) for right in is_number]
    cells = [
        [Paragraph(_markup(cell), styles[column][min(line, 1)]) for column, cell in enumerate(row)]
        for line, row in enumerate(rows)
    ]
    table = Table(cells, colWidths=_widths(rows), repeatRows=1)
    table.setStyle(
        TableStyle([
            ("BACKGROUND", (0, 0), (-1, 0), GREEN),
            ("ROWBACKGROUNDS", (0, 1), (-1, -1), [HexColor("#ffffff"), PALE]),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("TOPPADDING", (0, 0), (-1, -1), 3.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
        ])
    )  # fmt: skip
    return table


def _widths(rows: list[list[Node]]) -> list[float]:
    """Columns share the width by their longest text; a very long one counts as 42 characters and wraps."""
    longest = [max(14, min(42, max(len(_plain(row[column])) for row in rows))) for column in range(len(rows[0]))]
    return [WIDTH * length / sum(longest) for length in longest]


def _markup(node: Node) -> str:
    """Inline Markdown as reportlab's paragraph markup."""
    inside = "".join(_markup(child) for child in node.children)
    match node.type:
        case "text":
            return escape(_plain(node))
        case "strong":
            return f"<b>{inside}</b>"
        case "em":
            return f"<i>{inside}</i>"
        case _:
            return inside


def _plain(node: Node) -> str:
    if node.type == "text":
        return re.sub(r"\s+", " ", node.content)
    return "".join(_plain(child) for child in node.children)


# --- DOCX


def docx(text: Text) -> bytes:
    document = word.Document()
    _set_up(document, text)
    document.add_heading(text.title, 0)
    facts = document.add_table(rows=0, cols=2, style="Light List Accent 3")
    for name, value in text.facts:
        cells = facts.add_row().cells
        cells[0].text, cells[1].text = name, value
    document.add_paragraph()
    for node in text.body.children:
        _add_block(document, node)
    buffer = BytesIO()
    document.save(buffer)
    return _with_fixed_dates(buffer.getvalue())


def _set_up(document: WordDocument, text: Text) -> None:
    """Metadata, page, fonts and footer."""
    moment = datetime(text.effective.year, text.effective.month, text.effective.day)  # noqa: DTZ001 (a Word date)
    properties = document.core_properties
    properties.title, properties.author, properties.version = text.title, text.owner, text.version
    properties.comments, properties.created, properties.modified = "", moment, moment
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.3)
    document.styles["Normal"].font.name, document.styles["Normal"].font.size = "Calibri", Pt(11)
    for name in ("Title", "Heading 1", "Heading 2"):
        document.styles[name].font.color.rgb = RGBColor(0x1F, 0x4D, 0x3A)
    footer = section.footer.paragraphs[0]
    footer.text = f"Tarnwald GmbH · {text.title} · version {text.version} · {text.classification} · page "
    _add_page_number(footer.add_run())


def _add_page_number(run: Run) -> None:
    for kind, content in (("begin", None), (None, "PAGE"), ("end", None)):
        element = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            element.set(qn("w:fldCharType"), kind)
        else:
            element.text = content
        run._r.append(element)


def _add_block(document: WordDocument, node: Node) -> None:
    match node.type:
        case "heading":
            document.add_heading(_plain(node), int(node.tag[1]) - 1)
        case "paragraph":
            _add_runs(document.add_paragraph(), node)
        case "bullet_list" | "ordered_list":
            style = "List Bullet" if node.type == "bullet_list" else "List Number"
            for item in node.children:
                _add_runs(document.add_paragraph(style=style), item)
        case "table":
            rows, _ = _rows(node)
            table = document.add_table(rows=0, cols=len(rows[0]), style="Light Grid Accent 3")
            for row in rows:
                for cell, content in zip(table.add_row().cells, row, strict=True):
                    cell.text = _plain(content)
            document.add_paragraph()
        case other:
            raise ValueError(f"expected a block that the DOCX builder knows; found {other!r}")


def _add_runs(paragraph: WordParagraph, node: Node, *, bold: bool = False, italic: bool = False) -> None:
    if node.type == "text":
        run = paragraph.add_run(_plain(node))
        run.bold, run.italic = bold or None, italic or None
    for child in node.children:
        _add_runs(paragraph, child, bold=bold or node.type == "strong", italic=italic or node.type == "em")


def _with_fixed_dates(archive: bytes) -> bytes:
    """The same zip with every member dated 1 January 1980, so that two builds are equal."""
    buffer = BytesIO()
    with zipfile.ZipFile(BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(zipfile.ZipInfo(member), old.read(member), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
