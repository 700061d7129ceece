"""Opens the sources that the settings declare."""

from pathlib import Path

from steadyhand import settings
from steadyhand.errors import WorkspaceInvalid
from steadyhand.fetching import Fetcher
from steadyhand.knowledge.sources.database import Table
from steadyhand.knowledge.sources.folder import Folder
from steadyhand.knowledge.sources.web import Web
from steadyhand.tables.sources import SourceSettings
from steadyhand.types.source import Source


class DeclaredSources:
    """Sources of the workspace in `root`. Web pages are fetched by `fetcher`, which `close` closes."""

    def __init__(self, root: Path, fetcher: Fetcher) -> None:
        self._root = root
        self._fetcher = fetcher

    async def close(self) -> None:
        await self._fetcher.close()

    def __call__(self, declared: SourceSettings) -> Source:
        """Nothing is listed yet. Raises `WorkspaceInvalid` and `SourceUnreadable` for what cannot be a source."""
        if declared.path:
            return Folder(self._root / declared.path, self._root, declared.include, declared.exclude)
        if declared.url:
            return Web(
                declared.url,
                self._fetcher,
                depth=declared.depth,
                max_pages=declared.max_pages,
                include=declared.include,
                exclude=declared.exclude,
            )
        return Table(
            _database_url(declared),
            key=declared.key,
            table=declared.table,
            query=declared.query,
            name=declared.name,
            template=declared.template,
            title=declared.title,
            changed=declared.changed,
        )


def _database_url(declared: SourceSettings) -> str:
    if declared.database:
        return declared.database
    url = settings.secret(declared.database_variable)
    if not url:
        raise WorkspaceInvalid(
            f"expected the URL of a database in {declared.database_variable}; it is not set",
            hint=f"export {declared.database_variable}=postgresql://USER:PASSWORD@HOST/DATABASE",
        )
    return url
