"""How many words of real documents our readers keep, and how fast, beside markitdown.

    python bench/readers.py --documents DIR --reference DIR --peer VENV [--worst N]

DIR with documents is searched for .docx, .pptx, .xlsx and .html files. The reference of `a.docx` is the file `a` or
`a.docx` in the other DIR with one of the endings .txt, .md, .fodt, .fodp and .fods; so that neither side wrote it:

    soffice --headless --convert-to fodt --outdir REFERENCE DOCUMENTS/*.docx

and `fodp` and `fods` for presentations and workbooks. VENV is a virtual environment with `markitdown[all]`.
Words are compared as bags (recall, precision) and as runs of three (kept triples, which need the same order).
"""

import argparse
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from lxml import etree

from harness import finish, say, track
from steadyhand.errors import DocumentError
from steadyhand.knowledge.reading import formats

_FORMATS = (".docx", ".pptx", ".xlsx", ".html")
_OPEN_DOCUMENTS = {".docx": ".fodt", ".pptx": ".fodp", ".xlsx": ".fods"}
_FEWEST = 20  # words of a reference that can be measured
_REPEATS = 200  # equal cells of a reference that are counted
_MARKS = re.compile(r"<!--.*?-->|<[^>\n]{1,200}>|\]\([^)]*\)", re.DOTALL)
_WORD = re.compile(r"\w+")
_PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
from markitdown import MarkItDown
reader = MarkItDown()
for path in sys.stdin.read().splitlines():
    began = time.process_time()
    try:
        text, fault = reader.convert(path).text_content, ""
    except Exception as error:
        text, fault = "", type(error).__name__
    print(json.dumps({"text": text, "fault": fault, "ms": 1000 * (time.process_time() - began)}), flush=True)
"""


@dataclass(frozen=True)
class Reading:
    """What a reader made of a document; `fault` when it could not read it."""

    text: str
    ms: float
    fault: str = ""


@dataclass(frozen=True)
class Score:
    recall: float
    precision: float
    triples: float


def main(documents: Path, reference: Path, peer: Path, worst: int) -> None:
    figures = {}
    for ending in _FORMATS:
        pairs = list(_pairs(documents, reference, ending))
        if not pairs:
            continue
        paths = [path for path, _ in pairs]
        ours = [_ours(path) for path in track(paths, f"{ending} here", transient=True)]
        theirs = list(track(_theirs(paths, peer), f"{ending} there", total=len(paths), transient=True))
        figures[ending] = {
            "documents": len(pairs),
            "ours": _summary(ours, pairs, theirs),
            "markitdown": _summary(theirs, pairs, ours),
        }
        say(json.dumps({ending: figures[ending]}, indent=2))
        _tell_worst(worst, pairs, ours, theirs)
    finish(figures)


def _pairs(documents: Path, reference: Path, ending: str) -> Iterator[tuple[Path, list[str]]]:
    """Documents with the words of their references."""
    for path in sorted(documents.rglob(f"*{ending}")):
        words = _words(_reference(reference, path))
        if len(words) >= _FEWEST:
            yield path, words


def _reference(folder: Path, document: Path) -> str:
    for stem in (document.name, document.stem):
        for ending in (".txt", ".md", _OPEN_DOCUMENTS.get(document.suffix, "")):
            found = folder / f"{stem}{ending}"
            if ending and found.is_file():
                content = found.read_bytes()
                return _open_document(content) if ending.startswith(".fod") else _unmarked(content.decode())
    return ""


def _unmarked(text: str) -> str:
    return _MARKS.sub(" ", text)


def _ours(path: Path) -> Reading:
    content = path.read_bytes()
    began = time.process_time()
    try:
        text, fault = formats.read_document(content, path.name).text, ""
    except DocumentError as error:
        text, fault = "", str(error)
    return Reading(text, 1000 * (time.process_time() - began), fault)


def _theirs(paths: Sequence[Path], peer: Path) -> Iterator[Reading]:
    """The peer reads all documents in one process, like ours."""
    run = subprocess.run(
        [str(peer / "bin" / "python"), "-c", _PEER],
        input="\n".join(map(str, paths)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    for line in run.stdout.splitlines():
        found = json.loads(line)
        yield Reading(_unmarked(found["text"]), found["ms"], found["fault"])


def _summary(
    readings: Sequence[Reading], pairs: Sequence[tuple[Path, list[str]]], others: Sequence[Reading]
) -> dict[str, float]:
    """Means over the documents that both could read."""
    both = [
        (one, words)
        for one, other, (_, words) in zip(readings, others, pairs, strict=True)
        if not one.fault and not other.fault
    ]
    scores = [_score(one.text, words) for one, words in both]
    return {
        "unreadable": sum(bool(one.fault) for one in readings),
        "recall": round(mean(score.recall for score in scores), 4),
        "precision": round(mean(score.precision for score in scores), 4),
        "triples": round(mean(score.triples for score in scores), 4),
        "ms_mean": round(mean(one.ms for one, _ in both), 1),
        "ms_median": round(median(one.ms for one, _ in both), 1),
    }


def _score(text: str, wanted: list[str]) -> Score:
    found = _words(text)
    shared = (Counter(found) & Counter(wanted)).total()
    triples = Counter(zip(wanted, wanted[1:], wanted[2:], strict=False))
    kept = (Counter(zip(found, found[1:], found[2:], strict=False)) & triples).total()
    return Score(shared / len(wanted), shared / max(1, len(found)), kept / max(1, triples.total()))


def _tell_worst(
    count: int, pairs: Sequence[tuple[Path, list[str]]], ours: Sequence[Reading], theirs: Sequence[Reading]
) -> None:
    """Name the documents in which we lose most words, and some of the words."""
    rows = [
        (_score(one.text, words).recall, _score(other.text, words).recall, path, one, words)
        for (path, words), one, other in zip(pairs, ours, theirs, strict=True)
    ]
    for recall, their_recall, path, one, words in sorted(rows, key=lambda row: row[0] - row[1])[:count]:
        lost = Counter(words) - Counter(_words(one.text))
        some = " ".join(f"{word}*{times}" for word, times in lost.most_common(12))
        say(f"{path.name}: {recall:.3f} against {their_recall:.3f}; {one.fault or some}")


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_META = "{urn:oasis:names:tc:opendocument:xmlns:meta:1.0}"
_UNSEEN = frozenset(
    [
        f"{_TEXT}tracked-changes",
        f"{_TEXT}page-number",
        f"{_TEXT}page-count",
        f"{_TEXT}note-citation",
        f"{_TEXT}sequence-decls",
        f"{_TABLE}tracked-changes",
        f"{_TABLE}content-validations",
        f"{_DC}creator",
        f"{_DC}date",
        f"{_META}creator-initials",
        f"{_OFFICE}binary-data",
        f"{_OFFICE}styles",
        f"{_OFFICE}automatic-styles",
        f"{_OFFICE}scripts",
        f"{_OFFICE}event-listeners",
        "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}title",
        "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}desc",
    ]
)
_SPACES = frozenset([f"{_TEXT}s", f"{_TEXT}tab", f"{_TEXT}line-break"])


def _open_document(content: bytes) -> str:
    """What a flat OpenDocument file shows: its headers and footers once, and its body."""
    root = etree.fromstring(content, etree.XMLParser(huge_tree=True, resolve_entities=False, no_network=True))
    margins = {
        " ".join(_shown(margin))
        for margin in root.iterfind(f"{_OFFICE}master-styles//*")
        if margin.tag in {f"{_STYLE}header", f"{_STYLE}footer"}
        and root.find(f"{_OFFICE}body/{_OFFICE}text") is not None
    }
    body = root.find(f"{_OFFICE}body")
    return "\n".join([*margins, *(_shown(body) if body is not None else ())])


def _shown(element: etree._Element) -> Iterator[str]:
    """One text per paragraph; the text of what is anchored in one follows it."""
    for child in element:
        if not isinstance(child.tag, str) or child.tag in _UNSEEN:
            continue
        if child.tag in {f"{_TEXT}p", f"{_TEXT}h"}:
            inner: list[etree._Element] = []
            yield "".join(_inline(child, inner))
            for anchored in inner:
                yield from _shown(anchored)
        elif child.tag == f"{_TABLE}table-cell":
            texts = list(_shown(child))
            yield from texts * min(int(child.get(f"{_TABLE}number-columns-repeated", "1")), _REPEATS)
        else:
            yield from _shown(child)


def _inline(element: etree._Element, anchored: list[etree._Element]) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        is_inline = (
            isinstance(child.tag, str) and child.tag.startswith((_TEXT, _DC)) and child.tag != f"{_TEXT}note"
        )
        if child.tag in _SPACES:
            yield " "
        elif is_inline and child.tag not in _UNSEEN:
            yield from _inline(child, anchored)
        elif isinstance(child.tag, str) and child.tag not in _UNSEEN:
            anchored.append(child)
        yield child.tail or ""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=Path, required=True)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--peer", type=Path, required=True)
    parser.add_argument("--worst", type=int, default=0, help="name so many documents in which we lose most")
    arguments = parser.parse_args()
    sys.setrecursionlimit(10_000)  # references are ours and may nest
    main(arguments.documents, arguments.reference, arguments.peer, arguments.worst)
