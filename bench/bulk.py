"""A gigabyte of mixed files into a knowledge base by the command a user types, killed on the way and started again.

    python bench/bulk.py --data DIR_OF_PDFS [--megabytes 1024] [--kills 2]

The files are made: the PDFs of DIR again and again, each with other bytes behind its end; Word files around large
pictures, web pages around scripts, e-mails and zip archives around PDFs, tables, images, and a few files that
nobody can read. `steadyhand ingest` is killed (`kill -9`, with its children) after random times, and
started again until it ends. Texts repeat, so vectors are mostly there already: this measures reading, memory and
resuming, `bench/ingest.py` measures the rest.

Memory is the largest sum of the resident sets of our processes at one moment, pages that they share counted again;
that of PostgreSQL is told beside it.
"""

import argparse
import asyncio
import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

from harness import finish, say, workspace
from steadyhand.workspace import OWNER, AsyncWorkspace

_MB = 2**20
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
_SETTINGS = '[embedder]\nprecision = "int8"\n'
_OFFICE = "http://schemas.openxmlformats.org"
_RELATIONS = f"""\
<Relationships xmlns="{_OFFICE}/package/2006/relationships"><Relationship Id="rId1" Target="word/document.xml"
  Type="{_OFFICE}/officeDocument/2006/relationships/officeDocument"/></Relationships>"""
_BROKEN = {
    "broken.pdf": b"%PDF-1.7 and nothing more",
    "renamed.docx": b"%PDF-1.7 a PDF by its content",
    "empty.txt": b"",
}


async def main(pdfs: list[Path], megabytes: int, kills: int) -> None:
    async with workspace(_SETTINGS) as opened:
        root = opened.settings.root
        size, files = _made(root / "knowledge" / "bulk", pdfs, megabytes * _MB)
        say(f"{files} files, {size / _MB:,.0f} MB")
        figures = _ingested(root, kills)
        figures |= await _kept(opened)
    finish({"megabytes": round(size / _MB), "files": files, "kills": kills, **figures})


def _ingested(root: Path, kills: int) -> dict[str, object]:
    chance = random.Random(4)  # noqa: S311 - the same times every time
    peak_mb = server_mb = 0.0
    began = time.perf_counter()
    for left in range(kills, -1, -1):
        process = subprocess.Popen(
            [sys.executable, "-m", "steadyhand", "-w", str(root), "ingest", "bulk", "--json"],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        ends_s = time.perf_counter() + chance.uniform(10, 40) if left else float("inf")
        while process.poll() is None and time.perf_counter() < ends_s:
            ours, server = _resident_mb(process.pid)
            peak_mb, server_mb = max(peak_mb, ours), max(server_mb, server)
            time.sleep(0.05)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            say("killed")
    printed, _ = process.communicate()
    return {
        "exit_code": process.returncode,
        "last_run": json.loads(printed)["documents"] if printed else None,
        "wall_s": round(time.perf_counter() - began, 1),
        "peak_rss_mb": round(peak_mb),
        "postgresql_rss_mb": round(server_mb),
    }


async def _kept(opened: AsyncWorkspace) -> dict[str, object]:
    base = await opened.knowledge.base("bulk", OWNER)
    failures = Counter(row["code"] for row in await opened.knowledge.failures("bulk", OWNER))
    return {"documents": base.documents, "chunks": base.chunks, "failed": dict(failures)}


def _resident_mb(pid: int) -> tuple[float, float]:
    """Of the process with all below it, and of every PostgreSQL process of this machine."""
    parents, resident, servers = {}, {}, set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue  # it has ended
        name, fields = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
        one = int(stat.parent.name)
        parents[one], resident[one] = int(fields[1]), int(fields[21]) * _PAGE_KB / 1024
        if name == "postgres":
            servers.add(one)
    ours = {one for one in parents if one not in servers and pid in _above(one, parents)}
    return sum(resident[one] for one in ours), sum(resident[one] for one in servers)


def _above(pid: int, parents: dict[int, int]) -> Iterator[int]:
    """The process and its parents."""
    while pid in parents:
        yield pid
        pid = parents[pid]


# ---- the files


def _made(folder: Path, pdfs: list[Path], wanted: int) -> tuple[int, int]:
    """Bytes and number of the files; half of the bytes are PDFs."""
    folder.mkdir(parents=True)
    chance = random.Random(1)  # noqa: S311 - the same files every time
    for name, content in _BROKEN.items():
        (folder / name).write_bytes(content)
    size, number = 0, 0
    kinds = [_pdf, _docx, _pdf, _html, _pdf, _eml, _pdf, _zip, _pdf, _png, _csv]
    while size < wanted:
        name, content = kinds[number % len(kinds)](chance, pdfs)
        place = folder / f"{number % 37:02}" / f"{number:05}-{name}"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)
        size, number = size + len(content), number + 1
    return size, number + len(_BROKEN)


def _pdf(chance: random.Random, pdfs: list[Path]) -> tuple[str, bytes]:
    chosen = chance.choice(pdfs)
    return chosen.name, chosen.read_bytes() + f"\n%{chance.random()}\n".encode()


def _docx(chance: random.Random, _: list[Path]) -> tuple[str, bytes]:
    paragraphs = "".join(f"<w:p><w:r><w:t>{_sentence(chance)}</w:t></w:r></w:p>" for _ in range(20))
    body = f'<w:document xmlns:w="{_OFFICE}/wordprocessingml/2006/main"><w:body>{paragraphs}</w:body></w:document>'
    picture = chance.randbytes(2 * _MB)
    parts = {
        "_rels/.rels": _RELATIONS.encode(),
        "word/document.xml": body.encode(),
        "word/media/image1.png": picture,
    }
    return "report.docx", _archive(parts)


def _html(chance: random.Random, _: list[Path]) -> tuple[str, bytes]:
    paragraphs = "".join(f"<p>{_sentence(chance)}</p>" for _ in range(20))
    script = f"<script>var data = '{chance.randbytes(400_000).hex()}'</script>"
    return "page.html", f"<html><title>Notes</title><body>{script}<h1>Notes</h1>{paragraphs}</body></html>".encode()


def _eml(chance: random.Random, pdfs: list[Path]) -> tuple[str, bytes]:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ann@example.com", "bo@example.com", _sentence(chance)[:60]
    message.set_content("\n\n".join(_sentence(chance) for _ in range(5)))
    name, content = _pdf(chance, pdfs)
    message.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    return "mail.eml", message.as_bytes()


def _zip(chance: random.Random, pdfs: list[Path]) -> tuple[str, bytes]:
    makers: list[Callable[[random.Random, list[Path]], tuple[str, bytes]]] = [_pdf, _docx, _html, _pdf]
    files = [make(chance, pdfs) for make in makers]
    return "archive.zip", _archive({f"{at}/{name}": content for at, (name, content) in enumerate(files)})


def _png(chance: random.Random, _: list[Path]) -> tuple[str, bytes]:
    return "photo.png", b"\x89PNG\r\n\x1a\n" + chance.randbytes(3 * _MB)


def _csv(chance: random.Random, _: list[Path]) -> tuple[str, bytes]:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["order", "item", "amount"])
    writer.writerows([number, chance.choice(_NOUNS), chance.randrange(1, 9)] for number in range(400))
    return "orders.csv", out.getvalue().encode()


def _archive(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


_NOUNS = [
    "invoice",
    "contract",
    "hotel",
    "machine",
    "report",
    "supplier",
    "claim",
    "battery",
    "valve",
    "warranty",
    "meeting",
    "forecast",
]
_VERBS = ["covers", "replaces", "delays", "confirms", "describes", "needs"]


def _sentence(chance: random.Random) -> str:
    """One of a few hundred: texts repeat, as vectors are not what is measured here."""
    first, verb, second = chance.choice(_NOUNS), chance.choice(_VERBS), chance.choice(_NOUNS)
    return f"The {first} {verb} the {second} that the department has asked for since the beginning of the year."


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--kills", type=int, default=2)
    arguments = parser.parse_args()
    asyncio.run(main(sorted(arguments.data.rglob("*.pdf")), arguments.megabytes, arguments.kills))
