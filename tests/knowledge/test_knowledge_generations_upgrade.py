"""A database from before generations has one of each base afterwards, and its vectors are searched as before."""

import hashlib

from psycopg import connect
from yoyo import get_backend, read_migrations

from databases import copied
from steadyhand.storage import embedded, migrate

BODY = "Hotels cost at most 120 EUR a night."
TEXT_HASH = hashlib.sha256(f"Travel\n{BODY}".encode()).digest()


def before(url: str) -> None:
    """The schema of the first five migrations, and a base with one passage in it."""
    backend = get_backend(url.replace("postgresql://", "postgresql+psycopg://"))
    backend.apply_migrations(read_migrations(str(migrate._FOLDER)).filter(lambda found: found.id < "0006"))
    backend.connection.close()
    with connect(url) as connection:
        for statement, values in (
            ("INSERT INTO knowledge_base (name, embedder, chunk_count, term_count) VALUES ('notes', 'minilm@1/fp32', 1, 5)", ()),
            ("INSERT INTO document (base_id, path, origin) VALUES (1, 'travel.md', 'knowledge/notes')", ()),
            (("INSERT INTO document_version (document_id, sha256, recipe, title, language, content)"
             " VALUES (1, 'x', '1/1', 'Travel', 'en', %s)"), (BODY,)),
            ("INSERT INTO page VALUES (1, 1, 0, 36)", ()),
            (("INSERT INTO chunk (base_id, version_id, ordinal, page, section, start, stop, body, term_count, text_hash)"
             " VALUES (1, 1, 0, 1, '', 0, 36, %s, 5, %s)"), (BODY, TEXT_HASH)),
            ("INSERT INTO embedding VALUES ('minilm@1/fp32', %s, '[1,0,0]')", (TEXT_HASH,)),
        ):  # fmt: skip
            connection.execute(statement, values)


def test_an_older_database_goes_forward_with_its_vectors(server: embedded.Server) -> None:
    with copied(server.url, "template0") as url:
        before(url)
        migrate.upgrade(url)
        with connect(url) as connection:
            rows = connection.execute("SELECT base_id, embedder, built_at IS NOT NULL FROM generation").fetchall()
            [vectors] = connection.execute("SELECT count(*) FROM embedding").fetchall()
        assert rows == [(1, "minilm@1/fp32", True)]
        assert vectors == (1,)
