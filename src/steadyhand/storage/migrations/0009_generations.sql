-- Vectors of several embedders in one base, side by side, and how well its gold questions find their passages.

CREATE TABLE embedder (              -- how the embedder of some vectors is opened again
    id          text PRIMARY KEY,    -- as in knowledge_base.embedder
    settings    jsonb NOT NULL       -- what [embedder] says of it
);

ALTER TABLE chunk ADD COLUMN context text NOT NULL DEFAULT '';  -- title and section: embedded above the body

CREATE TABLE generation (            -- an embedder that makes vectors of all chunks of a base
    base_id     integer NOT NULL REFERENCES knowledge_base (id) ON DELETE CASCADE,
    embedder    text NOT NULL,       -- searches read the one that knowledge_base.embedder names
    begun_at    timestamptz NOT NULL DEFAULT now(),
    built_at    timestamptz,         -- since when no chunk is without its vector
    PRIMARY KEY (base_id, embedder)
);
INSERT INTO generation (base_id, embedder, built_at) SELECT id, embedder, now() FROM knowledge_base;

CREATE TABLE generation_switch (     -- a base came to be searched by other vectors
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base_id     integer NOT NULL REFERENCES knowledge_base (id) ON DELETE CASCADE,
    was         text NOT NULL,
    became      text NOT NULL,
    reason      text NOT NULL CHECK (reason IN ('not worse', 'worse, wanted anyway', 'not measured', 'rolled back')),
    at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX generation_switch_base ON generation_switch (base_id, id DESC);

CREATE TABLE gold_score (            -- how the gold questions of a base fared with the vectors of one embedder
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base_id     integer NOT NULL REFERENCES knowledge_base (id) ON DELETE CASCADE,
    embedder    text NOT NULL,
    revision    bigint NOT NULL,     -- of the base
    questions   integer NOT NULL,
    ndcg        real NOT NULL,       -- all four: means over the questions, from 0 to 1, of the first ten passages
    recall      real NOT NULL,
    mrr         real NOT NULL,
    span_recall real,                -- null: no question has a quote
    ranks       jsonb NOT NULL,      -- the question, and where its first right passage came; null: not in the list
    at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX gold_score_base ON gold_score (base_id, id DESC);
