"""A folder of documents into a knowledge base: speed, memory, and whether its questions find their sources.

    python bench/ingest.py --data DIR [--questions FILE]

`DIR` holds the documents. `FILE` ({text, docs: [names]}, default `questions.jsonl.gz` in or beside DIR) is asked
when it is there: are the needed files among the top 20 passages, and is every citation of the extractive answer
word for word on the page that it names, in a reading of the file that is not ours?
"""

import argparse
import asyncio
import re
import resource
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pypdfium2

from harness import finish, lines, say, track, workspace
from steadyhand.knowledge.reading.formats import read_document
from steadyhand.types.passage import Evidence
from steadyhand.workspace import OWNER, AsyncWorkspace

_FEATURE = """
name = "answers"
purpose = "Answers from the folder."
owner = "bench"
[input]
question = "text"
[output]
answer = "text"
found = "boolean"
[knowledge]
base = "folder"
top = 20
[models]
try = ["local:extractive"]
"""


async def main(data: Path, questions: Path | None) -> None:
    figures = _extraction(data)
    async with workspace() as opened:
        folder = opened.settings.root / "features" / "answers"
        folder.mkdir()
        (folder / "feature.toml").write_text(_FEATURE, encoding="utf-8")
        (opened.settings.root / "knowledge" / "folder").mkdir(parents=True)
        figures |= await _ingestion(opened, data)
        if questions is not None:
            figures |= await _questions(opened, data, list(lines(questions)))
    figures["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    finish(figures)


def _extraction(data: Path) -> dict[str, Any]:
    """Pages per second of one core: CPU time of reading every file, text and blocks, without chunks and vectors."""
    files = [path for path in sorted(data.rglob("*")) if path.suffix.lower() == ".pdf"]
    contents = [(path.name, path.read_bytes()) for path in files]
    began = time.process_time()
    pages = sum(len(read_document(content, name).pages) for name, content in contents)
    cpu_s = time.process_time() - began
    return {"pdf_pages": pages, "pages_per_s_per_core": round(pages / cpu_s, 1) if pages else None}


async def _ingestion(opened: AsyncWorkspace, data: Path) -> dict[str, Any]:
    outcomes: dict[str, int] = {}
    passages = 0
    began, cpu = time.perf_counter(), time.process_time()
    async for progress in opened.sync("folder", data):
        outcomes[progress.outcome] = outcomes.get(progress.outcome, 0) + 1
        passages += progress.passages
        say(f"{progress.done}/{progress.total} {progress.path} {progress.outcome} {progress.reason}")
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    again = time.perf_counter()
    async for _ in opened.sync("folder", data):
        pass
    return {
        "documents": outcomes,
        "passages": passages,
        "ingest_s": round(wall_s, 1),
        "passages_per_cpu_s": round(passages / cpu_s, 1),
        "unchanged_again_s": round(time.perf_counter() - again, 2),
    }


async def _questions(opened: AsyncWorkspace, data: Path, questions: list[dict[str, Any]]) -> dict[str, Any]:
    needed = found = cited = exact = answered = 0
    for question in track(questions, "asking", transient=True):
        retrieval = await opened.search("folder", question["text"], principal=OWNER, top_k=20)
        sources = {passage.source for passage in retrieval.passages}
        needed += len(question["docs"])
        found += len(sources & set(question["docs"]))
        answer = await opened.run("answers", {"question": question["text"]})
        answered += bool(answer.evidence)
        cited += len(answer.evidence)
        exact += sum(_is_on_page(data, evidence) for evidence in answer.evidence)
    return {
        "questions": len(questions),
        "answered": answered,
        "needed_files_in_top20": round(found / needed, 4),
        "citations": cited,
        "citations_exact": round(exact / cited, 4) if cited else None,
    }


def _is_on_page(data: Path, evidence: Evidence) -> bool:
    """Are the words on that page of the file? White space and hyphens at line ends are a matter of the reading."""
    return _bare(evidence.quote) in _page(data / evidence.source, evidence.page)


@cache
def _page(path: Path, number: int) -> str:
    document = pypdfium2.PdfDocument(path)
    try:
        page = document[number - 1].get_textpage()
        return _bare(page.get_text_bounded())
    finally:
        document.close()


def _bare(text: str) -> str:
    return re.sub(r"[\s\-\u00ad\u2010\ufffe\u0002]+", "", text)


def _first(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--questions", type=Path)
    arguments = parser.parse_args()
    name = "questions.jsonl.gz"
    beside = _first([arguments.data / name, arguments.data.resolve().parent / name])
    asyncio.run(main(arguments.data, arguments.questions or beside))
