-- Sources that are followed, how far each of their documents is, what was read in files, and the files themselves.

CREATE SEQUENCE ingest_holder AS integer CYCLE;  -- processes that bring documents in; each locks its number while it lives

CREATE TABLE source (                -- a place that a knowledge base follows
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base_id     integer NOT NULL REFERENCES knowledge_base (id) ON DELETE CASCADE,
    origin      text NOT NULL,
    round       bigint NOT NULL DEFAULT 0,      -- counts its syncs; only the last one may write
    holder      integer,                        -- whose sync runs now; null: nobody's
    state       text NOT NULL DEFAULT 'done' CHECK (state IN ('listing', 'bringing', 'done', 'failed')),
    total       integer NOT NULL DEFAULT 0,     -- documents of the last round; below, what became of them
    added       integer NOT NULL DEFAULT 0,
    unchanged   integer NOT NULL DEFAULT 0,
    skipped     integer NOT NULL DEFAULT 0,
    failed      integer NOT NULL DEFAULT 0,
    removed     integer NOT NULL DEFAULT 0,
    error_code  text NOT NULL DEFAULT '',       -- why the round ended before its documents did
    error       text NOT NULL DEFAULT '',
    hint        text NOT NULL DEFAULT '',
    began_at    timestamptz,
    ended_at    timestamptz,
    UNIQUE (base_id, origin)
);

CREATE TABLE source_item (           -- a document as its source listed it
    source_id   bigint NOT NULL REFERENCES source (id) ON DELETE CASCADE,
    path        text NOT NULL,                  -- as the source calls it
    named       text NOT NULL,                  -- its path inside the base
    state       text NOT NULL CHECK (state IN ('queued', 'reading', 'embedding', 'ready', 'failed', 'removed')),
    fingerprint text NOT NULL DEFAULT '',       -- of the content that is in the base
    sha256      bytea NOT NULL DEFAULT '',
    recipe      text NOT NULL DEFAULT '',
    notes       jsonb NOT NULL DEFAULT '{}',    -- what the source wants to be reminded of
    facts       text NOT NULL DEFAULT '',       -- digest of labels, metadata and address, as they were applied
    attempts    integer NOT NULL DEFAULT 0,     -- that failed for a reason which may pass
    is_temporary boolean NOT NULL DEFAULT false,
    reason      text NOT NULL DEFAULT '',
    round       bigint NOT NULL DEFAULT 0,      -- the one that it was queued in last
    number      integer NOT NULL DEFAULT 0,     -- its place among what that round was done with
    outcome     text NOT NULL DEFAULT '',
    passages    integer NOT NULL DEFAULT 0,
    PRIMARY KEY (source_id, path)
);
CREATE INDEX source_item_round ON source_item (source_id, round, number);
CREATE INDEX source_item_named ON source_item (named);

INSERT INTO source (base_id, origin)
    SELECT base_id, origin FROM document UNION SELECT base_id, origin FROM document_failure;
INSERT INTO source_item (source_id, path, named, state, sha256, recipe)
    SELECT s.id, d.path, d.path, 'ready', v.sha256, v.recipe FROM document d
    JOIN document_version v ON v.document_id = d.id AND v.died_at IS NULL
    JOIN source s ON s.base_id = d.base_id AND s.origin = d.origin;
INSERT INTO source_item (source_id, path, named, state, sha256, recipe, reason)
    SELECT s.id, f.path, f.path, 'failed', f.sha256, f.recipe, f.reason FROM document_failure f
    JOIN source s ON s.base_id = f.base_id AND s.origin = f.origin
    ON CONFLICT (source_id, path) DO UPDATE SET state = 'failed', sha256 = excluded.sha256,
    recipe = excluded.recipe, reason = excluded.reason;

CREATE TABLE reading (               -- what was read in a file; equal files are read once
    sha256      bytea NOT NULL,                 -- of the file
    recipe      text NOT NULL,                  -- its extension and the version of the readers
    holder      integer,                        -- who reads it now; null: it is read
    document    bytea,                          -- msgpack; null when it cannot be read
    code        text NOT NULL DEFAULT '',
    reason      text NOT NULL DEFAULT '',
    kept_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sha256, recipe)
);

CREATE TABLE original (              -- the file itself, where pages of it can be shown
    sha256      bytea PRIMARY KEY,
    content     bytea NOT NULL
);
ALTER TABLE original ALTER COLUMN content SET STORAGE EXTERNAL;   -- PDF and images are compressed already

ALTER TABLE document
    ADD COLUMN container text NOT NULL DEFAULT '';                -- path of the archive or message that it came in

ALTER TABLE document_version
    ADD COLUMN metadata jsonb    NOT NULL DEFAULT '{}',           -- what the file says of itself
    ADD COLUMN bands    bigint[] NOT NULL DEFAULT '{}';           -- of its MinHash: near-duplicates share one
CREATE INDEX document_version_sha256 ON document_version (sha256);

ALTER TABLE document_failure
    ADD COLUMN container text NOT NULL DEFAULT '';
