"""PostgreSQL: the server, connections, locks, migrations, backups."""

from steadyhand.storage.database import Database, Row, Transaction, jsonb

__all__ = ["Database", "Row", "Transaction", "jsonb"]
