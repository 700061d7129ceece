"""A database from before sources knows afterwards what it follows, and reads nothing twice but what is read anew."""

from psycopg import connect
from yoyo import get_backend, read_migrations

from databases import copied
from steadyhand.storage import embedded, migrate

ROWS = (
    "INSERT INTO knowledge_base (name, embedder) VALUES ('notes', 'minilm@1/fp32')",
    "INSERT INTO document (base_id, path, origin) VALUES (1, 'travel.md', 'notes'), (1, 'gone.md', 'notes')",
    (
        "INSERT INTO document_version (document_id, sha256, recipe, title, language, content)"
        " VALUES (1, 'x', '1/1', 'Travel', 'en', 'Hotels cost 120 EUR.')"
    ),
    (
        "INSERT INTO document_version (document_id, sha256, recipe, title, language, content, died_at)"
        " VALUES (2, 'y', '1/1', 'Gone', 'en', 'It was here.', now())"
    ),
    (
        "INSERT INTO document_failure (base_id, path, origin, sha256, recipe, code, reason)"
        " VALUES (1, 'broken.pdf', 'scans', 'z', '1/1', 'document.unreadable', 'broken.pdf: it is broken')"
    ),
)


def test_sources_and_their_items_are_known_from_their_documents(server: embedded.Server) -> None:
    with copied(server.url, "template0") as url:
        backend = get_backend(url.replace("postgresql://", "postgresql+psycopg://"))
        backend.apply_migrations(read_migrations(str(migrate._FOLDER)).filter(lambda found: found.id < "0006"))
        backend.connection.close()
        with connect(url) as connection:
            for statement in ROWS:
                connection.execute(statement)
        migrate.upgrade(url)
        with connect(url) as connection:
            found = connection.execute(
                "SELECT s.origin, i.path, i.named, i.state, i.sha256, i.reason FROM source s"
                " JOIN source_item i ON i.source_id = s.id ORDER BY 1"
            ).fetchall()
        assert found == [
            ("notes", "travel.md", "travel.md", "ready", b"x", ""),
            ("scans", "broken.pdf", "broken.pdf", "failed", b"z", "broken.pdf: it is broken"),
        ]
