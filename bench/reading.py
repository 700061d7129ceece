"""How fast PDFs are read: pages per second of one core, text, tables and boxes, without chunks and vectors.

python bench/reading.py --data DIR
"""

import argparse
import json
import resource
import time
from collections import Counter
from pathlib import Path

from steadyhand.errors import DocumentError
from steadyhand.knowledge.reading.formats import read_document


def main(data: Path) -> None:
    files = [path for path in sorted(data.rglob("*")) if path.suffix.lower() == ".pdf"]
    blocks: Counter[str] = Counter()
    pages = pictures = characters = 0
    cpu_s = 0.0
    refused: dict[str, str] = {}
    for path in files:
        content = path.read_bytes()
        began = time.process_time()
        try:
            document = read_document(content, path.name)
        except DocumentError as error:
            refused[path.name] = str(error)
            continue
        finally:
            cpu_s += time.process_time() - began
        pages += len(document.pages)
        pictures += len(document.pictures)
        characters += len(document.text)
        blocks.update(block.kind for block in document.blocks)
    figures = {
        "files": len(files),
        "refused": refused,
        "pages": pages,
        "pages_per_cpu_s": round(pages / cpu_s, 1) if pages else None,
        "pictures": pictures,
        "characters": characters,
        "blocks": dict(blocks),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of PDFs")
    main(parser.parse_args().data)
