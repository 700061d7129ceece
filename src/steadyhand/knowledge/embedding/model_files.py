"""The files of a local model on disk: complete, unchanged, or what is wrong with them."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A published file and what it must be, to the byte."""

    name: str
    sha256: str
    size_bytes: int


def problem(folder: Path, published: Sequence[ModelFile], build: int) -> str:
    """What keeps the model in `folder` from being opened, in words; "" when nothing does.

    Cheap, for every start: compares sizes, the recorded hashes and the number of the build that derived further
    files. The bytes themselves are hashed once, before the manifest is written.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return f"{folder} holds no {MANIFEST}"
    except ValueError:
        return f"{folder / MANIFEST} is damaged"
    if manifest["build"] != build:
        return f"expected files of build {build}, found build {manifest['build']}"
    recorded: Mapping[str, Mapping[str, object]] = manifest["files"]
    for file in published:
        if recorded.get(file.name, {}).get("sha256") != file.sha256:
            return f"expected {file.name} with SHA-256 {file.sha256[:12]}…, found another in {MANIFEST}"
    return next((text for name, entry in recorded.items() if (text := _size_problem(folder / name, entry))), "")


def record(folder: Path, names: Sequence[str], build: int) -> None:
    """Write the manifest: hash every named file. The model counts as present from here on."""
    files = {name: {"sha256": sha256_of(folder / name), "size_bytes": _size(folder / name)} for name in names}
    with replaced(folder / MANIFEST) as path:
        path.write_text(json.dumps({"build": build, "files": files}, indent=2) + "\n")


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place, in one step, when the block ends without an error."""
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _size_problem(path: Path, entry: Mapping[str, object]) -> str:
    if not path.is_file():
        return f"{path} is missing"
    if _size(path) != entry["size_bytes"]:
        return f"expected {path} of {entry['size_bytes']} bytes, found {_size(path)}"
    return ""


def _size(path: Path) -> int:
    return path.stat().st_size
