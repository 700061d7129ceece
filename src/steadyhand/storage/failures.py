"""The driver's errors in our words. Everything that leaves `storage` is a `StorageError`."""

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import errors as postgres
from psycopg_pool import PoolTimeout

from steadyhand.errors import DatabaseUnavailable, DiskFull, Duplicate, NotWritable, StorageError

FREE_SPACE = "free some space; nothing that was acknowledged is lost"
_EXTENSION = (
    "the role needs its own schema and the extension vector (pgvector 0.7 or newer); CREATE EXTENSION vector"
)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise ours for the driver's."""
    try:
        yield
    except postgres.UniqueViolation as error:
        raise Duplicate(str(error).splitlines()[0]) from error
    except (postgres.DiskFull, postgres.OutOfMemory) as error:
        raise DiskFull(f"the database is out of space: {error}", hint=FREE_SPACE) from error
    except postgres.ReadOnlySqlTransaction as error:
        raise NotWritable(
            f"the database is read-only: {error}", hint="check database_url: is it a replica?"
        ) from error
    except (postgres.InsufficientPrivilege, postgres.UndefinedFile, postgres.FeatureNotSupported) as error:
        raise StorageError(f"the database refused: {error}", hint=_EXTENSION) from error
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
        if "No space left on device" in str(error):
            raise DiskFull(f"the database is out of space: {error}", hint=FREE_SPACE) from error
        raise DatabaseUnavailable(
            f"the database does not answer: {str(error).strip() or type(error).__name__}",
            hint="steadyhand doctor looks at the database",
        ) from error
    except psycopg.Error as error:
        raise StorageError(f"the database refused: {error}") from error
