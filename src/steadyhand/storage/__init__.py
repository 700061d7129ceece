"""PostgreSQL: the server, connections, migrations, backups."""
