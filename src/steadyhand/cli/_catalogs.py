"""The catalogue of models as a command sees it: the workspace's, or what is shipped where there is none."""

from datetime import UTC, datetime

from steadyhand import settings
from steadyhand.catalog.models import Catalog
from steadyhand.catalog.providers import providers
from steadyhand.cli._shell import Shell
from steadyhand.settings import Settings


def configured(shell: Shell) -> Settings:
    """The workspace's settings, or the defaults where there is no workspace."""
    is_workspace = shell.workspace is not None or (shell.root / settings.FILE).is_file()
    return settings.read(shell.root) if is_workspace else settings.defaults()


def catalog(shell: Shell, at: datetime | None = None) -> Catalog:
    """The models with the prices in force at `at`, now unless said."""
    found = configured(shell)
    return Catalog(providers(found.providers), now=lambda: at or datetime.now(UTC), rows=found.catalog)
