"""What `doctor` looks at. Each function says what it found; none raises for what is wrong, and none repairs."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from steadyhand.cli._called import command
from steadyhand.cli._figures import count, size
from steadyhand.errors import DatabaseUnavailable
from steadyhand.features.check import problems
from steadyhand.features.files import feature_names
from steadyhand.features.known import known
from steadyhand.knowledge.embedders import minilm
from steadyhand.knowledge.embedding import model_files
from steadyhand.storage import embedded, migrate
from steadyhand.workspace import OWNER, AsyncWorkspace

_SPACE_WARN = 2_000_000_000  # bytes
_SPACE_FAIL = 200_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """`next` is what to do about it, or what can be done with it; "" when there is nothing to do."""

    level: Literal["ok", "warn", "fail"]
    what: str
    next: str = ""


def installation() -> Iterator[Finding]:
    """Python, and the PostgreSQL of the wheel."""
    yield Finding("ok", f"Python {'.'.join(map(str, sys.version_info[:3]))}")
    try:
        command = [str(embedded.binary("postgres")), "--version"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        yield Finding("ok", f"PostgreSQL {said[2]} comes with the installation")
    except (DatabaseUnavailable, OSError, subprocess.CalledProcessError) as error:
        yield Finding(
            "fail", f"the PostgreSQL of the installation: {error}", "pip install --force-reinstall steadyhand"
        )


def disk(folder: Path) -> Finding:
    free_bytes = shutil.disk_usage(folder).free
    what = f"{size(free_bytes)} free on the disk of {folder}"
    if free_bytes < _SPACE_FAIL:
        return Finding("fail", what, "free some space: the database needs room to write")
    return Finding("warn", what, "free some space soon") if free_bytes < _SPACE_WARN else Finding("ok", what)


def embedding_model(models_folder: Path) -> Finding:
    """Are the local model's files there, and are they what was published, to the byte?"""
    home = models_folder / minilm.FOLDER
    problem = model_files.problem(home, minilm.PUBLISHED, minilm.BUILD)
    changed = (
        []
        if problem
        else [it.name for it in minilm.PUBLISHED if model_files.sha256_of(home / it.name) != it.sha256]
    )
    if problem or changed:
        what = problem or f"{home}: {', '.join(changed)} is not what was published"
        remedy = (
            f"rm -r {shlex.quote(str(home))} && steadyhand models pull" if changed else "steadyhand models pull"
        )
        return Finding("fail", f"embedding model: {what}", remedy)
    return Finding("ok", f"MiniLM embeddings verified in {home}")


def contracts(workspace: AsyncWorkspace) -> Finding:
    root = workspace.settings.root
    found = problems(root, known(workspace.settings, workspace.catalog))
    if found:
        return Finding(
            "fail", f"contracts: {count(len(found), 'problem')}, the first {found[0]}", "steadyhand check"
        )
    names = feature_names(root)
    if not names:
        return Finding("warn", "no features yet", "docs/tutorial/first-feature.md makes the first one")
    return Finding("ok", f"{count(len(names), 'contract')} good: {', '.join(names)}")


async def database(workspace: AsyncWorkspace) -> Finding:
    applied = await migrate.applied(workspace.database)
    where = "database_url" if workspace.settings.database_url else "the workspace's own server"
    return Finding("ok", f"database reachable ({where}), schema {max(applied)}")


async def knowledge(workspace: AsyncWorkspace) -> list[Finding]:
    """One finding for each knowledge base that is filled or declared."""
    filled = {base.name: base for base in await workspace.knowledge.bases(OWNER)}
    findings = []
    for name in sorted(filled.keys() | workspace.settings.knowledge.keys()):
        base = filled.get(name)
        if base is None or not base.documents:
            findings.append(Finding("warn", f"knowledge base {name} is empty", command("ingest", name)))
            continue
        what = f"knowledge base {name}: {count(base.documents, 'document')}, {count(base.chunks, 'passage')}"
        if base.failed:
            what += f"; {count(base.failed, 'document')} could not be read"
            findings.append(Finding("warn", what, f"{command('ingest', name)} says why"))
        else:
            findings.append(Finding("ok", what))
    return findings
