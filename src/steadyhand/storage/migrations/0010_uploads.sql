-- Documents that were handed in by themselves: what a source of its own lists, as a folder lists files.

CREATE TABLE upload (
    base_id     integer NOT NULL REFERENCES knowledge_base (id) ON DELETE CASCADE,
    path        text NOT NULL,
    sha256      bytea NOT NULL,
    content     bytea NOT NULL,
    labels      text[],                         -- null: as the settings say for its path
    metadata    jsonb NOT NULL DEFAULT '{}',
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (base_id, path)
);
ALTER TABLE upload ALTER COLUMN content SET STORAGE EXTERNAL;   -- most files are compressed already
