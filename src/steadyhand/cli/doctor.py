"""Look whether all is well, and say what to do where it is not."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import typer

from steadyhand import settings
from steadyhand.access.quota_store import QuotaStore
from steadyhand.catalog.providers import providers
from steadyhand.cli import _examine, _examine_models, _examine_today
from steadyhand.cli._examine import Finding
from steadyhand.cli._examine_models import Needs
from steadyhand.cli._running import to_end
from steadyhand.cli._shell import AsJson, Shell, new_app, shell_of
from steadyhand.errors import ContractInvalid, SteadyhandError, WorkspaceInvalid
from steadyhand.providers.detect import detect
from steadyhand.settings import Settings
from steadyhand.types.ids import ModelId
from steadyhand.types.quota import WINDOW_S
from steadyhand.workspace import AsyncWorkspace

app = new_app()


@app.command()
def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Look whether all is well, and say what to do where it is not.

    Checks the installation, the disk, the embedding model, and in a workspace the database, contracts, knowledge
    bases, whether the models that contracts and the gateway name can be reached, what is switched off, nearly spent
    or withdrawn soon. Finds local model servers and provider keys (their names only) and says how to use them;
    nothing is used unasked. Exit code 1 when something fails.

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
    configured, needs = Settings.model_construct(), dict[str, list[str]]()
    try:
        if shell.workspace is None and not (shell.root / settings.FILE).is_file():
            yield Finding("warn", "no workspace here", "steadyhand init DIR makes one, steadyhand demo shows one")
            configured = settings.defaults()
        else:
            configured = settings.read(shell.root)
            yield Finding("ok", f"workspace {configured.name or configured.root.name} in {configured.root}")
            found, needs = to_end(_inside(shell))
            yield from found
    except SteadyhandError as error:
        yield Finding("fail", f"workspace: {error}", "" if _OURSELVES in error.hint else error.hint)
    yield _examine.disk(configured.root.resolve())
    yield _examine.embedding_model(configured.models_folder)
    with suppress(WorkspaceInvalid):  # said above
        known = providers(configured.providers)
        yield from _examine_models.models(needs, known, to_end(detect(known)))


async def _inside(shell: Shell) -> tuple[list[Finding], dict[str, list[str]]]:
    """What is found in the workspace, and the models that each good contract and name of the gateway needs."""
    async with await AsyncWorkspace.open(shell.root) as workspace:
        findings = [
            await _examine.database(workspace),
            _examine.contracts(workspace),
            *await _examine.knowledge(workspace),
        ]
        needs: dict[str, list[str]] = {it: list(_models(workspace, it)) for it in workspace.features.names()}
        needs |= _of_the_gateway(workspace)
        return [*findings, *await _today(workspace, needs)], needs


async def _today(workspace: AsyncWorkspace, needs: Needs) -> list[Finding]:
    now = datetime.now(UTC)
    used = await QuotaStore(workspace.database).used_usd(int(now.timestamp() // WINDOW_S["usd"]))
    limits = _examine_today.limits(
        await workspace.keys.list(), workspace.settings.limits, dict(_budgets(workspace)), used
    )
    return [
        *_examine_today.switched_off(await workspace.switches.all()),
        *_examine_today.nearly_spent(used, limits),
        *_examine_today.withdrawn(needs, workspace.catalog.find, now.date()),
    ]


def _budgets(workspace: AsyncWorkspace) -> Iterator[tuple[str, Decimal]]:
    """What each good contract may spend in a day."""
    for name in workspace.features.names():
        with suppress(ContractInvalid):
            limit = workspace.features.get(name).budget.per_day_usd
            if limit is not None:
                yield name, limit


def _models(workspace: AsyncWorkspace, name: str) -> Iterator[ModelId]:
    with suppress(ContractInvalid):  # said by `contracts`
        feature = workspace.features.get(name)
        yield from feature.models
        if feature.fallback_model:
            yield feature.fallback_model


def _of_the_gateway(workspace: AsyncWorkspace) -> dict[str, list[str]]:
    """The models behind each name of `[gateway.models]`; `check` tells of those that do not exist."""
    return {
        f"gateway.models.{name}": [model for model in table.try_ if workspace.catalog.find(ModelId(model))]
        for name, table in workspace.settings.gateway.models.items()
    }


_OURSELVES = "steadyhand doctor"  # in the hints of errors: no advice for who already asks
