"""How many recorded answers of model vendors our client reads as they are meant: text, tool calls, tokens, errors.

    python bench/conformance.py --data DIR --bench DIR [--show N]

`--data` holds a `VENDOR.jsonl` of recordings for each vendor, `--bench` the scorer `conform.py`, which replays them
over HTTP to `conformance_driver.py`. What does not agree is shown on stderr, the first N cases of a vendor in full.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from harness import finish, say

_DRIVER = Path(__file__).with_name("conformance_driver.py")
_TOTAL = re.compile(r"conformance: (\d+) passed, (\d+) failed")
_KIND = re.compile(r"^(\S+) +(\d+)/(\d+)$", re.MULTILINE)


def main(data: Path, scorer: Path, show: int) -> None:
    vendors: dict[str, Any] = {}
    for corpus in sorted(data.glob("*.jsonl")):
        said = _scored(corpus, scorer, show)
        passed, failed = (int(count) for count in _TOTAL.findall(said)[-1])
        if passed + failed == 0:
            continue  # embeddings only
        kinds = {kind: [int(good), int(total)] for kind, good, total in _KIND.findall(said)}
        vendors[corpus.stem] = {"passed": passed, "failed": failed, "kinds": kinds}
        say(f"{corpus.stem:12} {passed} passed, {failed} failed")
        if failed:
            say(said)
    finish(
        {
            "passed": sum(vendor["passed"] for vendor in vendors.values()),
            "failed": sum(vendor["failed"] for vendor in vendors.values()),
            "vendors": vendors,
        }
    )


def _scored(corpus: Path, scorer: Path, show: int) -> str:
    command = [sys.executable, str(scorer), str(corpus), str(_DRIVER), "--show", str(show)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--show", type=int, default=0)
    options = parser.parse_args()
    main(options.data, options.bench / "conform.py", options.show)
