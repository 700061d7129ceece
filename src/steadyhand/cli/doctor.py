"""Look whether all is well, and say what to do where it is not."""

from collections.abc import Iterator

import typer

from steadyhand import settings
from steadyhand.cli import _examine
from steadyhand.cli._examine import Finding
from steadyhand.cli._running import to_end
from steadyhand.cli._shell import AsJson, Shell, new_app, shell_of
from steadyhand.errors import SteadyhandError
from steadyhand.settings import Settings
from steadyhand.workspace import AsyncWorkspace

app = new_app()


@app.command()
def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Look whether all is well, and say what to do where it is not.

    Checks the installation, the disk, the embedding model, and in a workspace the database, contracts and knowledge
    bases. Finds local model servers and provider keys (their names only) and says how to use them; nothing is used
    unasked. Exit code 1 when something fails.

    \b
    Example:
      steadyhand doctor
    """
    shell = shell_of(context)
    findings = []
    for finding in _findings(shell):
        findings.append(finding)
        if not as_json:
            shell.terminal.data(f"{finding.level:<6}{finding.what}")
            if finding.next:
                shell.terminal.data(f"      next: {finding.next}")
    if as_json:
        shell.terminal.json(findings)
    raise typer.Exit(int(any(finding.level == "fail" for finding in findings)))


def _findings(shell: Shell) -> Iterator[Finding]:
    yield from _examine.installation()
    configured = Settings()
    if shell.workspace is None and not (shell.root / settings.FILE).is_file():
        yield Finding("warn", "no workspace here", "steadyhand init DIR makes one, steadyhand demo shows one")
    else:
        try:
            configured = settings.read(shell.root)
            yield Finding("ok", f"workspace {configured.name or configured.root.name} in {configured.root}")
            yield from to_end(_inside(shell))
        except SteadyhandError as error:
            yield Finding("fail", f"workspace: {error}", error.hint)
    yield _examine.disk(configured.root.resolve())
    yield _examine.embedding_model(configured.models_folder)
    yield from to_end(_examine.models(configured))


async def _inside(shell: Shell) -> list[Finding]:
    async with await AsyncWorkspace.open(shell.root) as workspace:
        return [
            await _examine.database(workspace),
            _examine.contracts(workspace),
            *await _examine.knowledge(workspace),
        ]
