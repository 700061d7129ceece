-- The first schema. Every table says what one row is. Times are UTC.

CREATE EXTENSION IF NOT EXISTS vector;

-- access ---------------------------------------------------------------------------------------------------------

CREATE TABLE access_key (            -- one key of the HTTP API; only its hash is kept
    id          text PRIMARY KEY,    -- the first characters of the key, shown in lists
    name        text NOT NULL,
    role        text NOT NULL CHECK (role IN ('admin', 'caller', 'reader')),
    hash        bytea NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);

CREATE TABLE access_session (        -- one signed-in browser
    hash        bytea PRIMARY KEY,
    key_id      text NOT NULL REFERENCES access_key (id),
    expires_at  timestamptz NOT NULL
);

-- ledger ---------------------------------------------------------------------------------------------------------

CREATE TABLE run (                   -- one execution of a feature: narrow, for lists and sums
    id              text PRIMARY KEY,          -- a ULID
    feature         text NOT NULL,
    feature_version text NOT NULL,
    status          text NOT NULL CHECK (status IN ('answered', 'review', 'fallback', 'refused', 'failed')),
    door            text NOT NULL,
    principal       text NOT NULL,
    data_class      text NOT NULL,
    model           text,
    attempts        smallint NOT NULL,
    confidence      real,
    cost_usd        numeric,                   -- null: a price is unknown
    snapshot        text NOT NULL,
    error_code      text,
    started_at      timestamptz NOT NULL,
    duration_s      real NOT NULL
);
CREATE INDEX run_started ON run (started_at DESC);
CREATE INDEX run_feature_started ON run (feature, started_at DESC);

CREATE TABLE run_payload (           -- what went in and came out of one run
    run_id      text PRIMARY KEY REFERENCES run (id) ON DELETE CASCADE,
    input       jsonb NOT NULL,
    output      jsonb,
    evidence    jsonb NOT NULL,
    error       jsonb
);

CREATE TABLE run_step (              -- one step of the path, in order
    run_id      text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    seq         smallint NOT NULL,
    name        text NOT NULL,
    attempt     smallint NOT NULL,
    verdict     text NOT NULL,
    detail      text NOT NULL,
    started_s   real NOT NULL,
    duration_s  real NOT NULL,
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE model_call (            -- one attempt to have a model answer
    run_id        text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    seq           smallint NOT NULL,
    model         text NOT NULL,
    attempt       smallint NOT NULL,
    input_tokens  integer NOT NULL,
    output_tokens integer NOT NULL,
    cached_tokens integer NOT NULL,
    cost_usd      numeric,
    price         jsonb,                        -- the row the cost was computed with
    duration_s    real NOT NULL,
    first_token_s real,
    error         text NOT NULL,
    prompt        text NOT NULL,
    answer        text NOT NULL,
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE retrieval (             -- one passage given to a run
    run_id         text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    rank           smallint NOT NULL,
    knowledge_base text NOT NULL,
    source         text NOT NULL,
    version_id     bigint NOT NULL,
    page           integer NOT NULL,
    start          integer NOT NULL,
    stop           integer NOT NULL,
    score          real NOT NULL,
    bm25           real NOT NULL,
    similarity     real NOT NULL,
    PRIMARY KEY (run_id, rank)
);

CREATE TABLE verdict (               -- what one guardrail or check said
    run_id      text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    seq         smallint NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('guardrail', 'check')),
    name        text NOT NULL,
    severity    text NOT NULL,
    ok          boolean NOT NULL,
    detail      text NOT NULL,
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE review_task (           -- one question to a person
    run_id      text PRIMARY KEY REFERENCES run (id) ON DELETE CASCADE,
    reason      text NOT NULL,
    due_at      timestamptz NOT NULL,
    decided_at  timestamptz
);

-- knowledge ------------------------------------------------------------------------------------------------------

CREATE TABLE knowledge_base (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    embedder    text NOT NULL,                  -- vectors of another one are never compared with these
    generation  bigint NOT NULL DEFAULT 0,      -- counts its changes; the number in a snapshot id
    languages   text[] NOT NULL DEFAULT '{}',   -- of its documents, ever: a question is analysed in each of them
    chunk_count bigint NOT NULL DEFAULT 0,      -- with term_count: the collection statistics of BM25
    term_count  bigint NOT NULL DEFAULT 0
);

CREATE TABLE document (              -- a place in a knowledge base that holds one text at a time
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base_id     integer NOT NULL REFERENCES knowledge_base (id),
    path        text NOT NULL,                  -- inside the knowledge base: "travel-policy.pdf"
    origin      text NOT NULL,                  -- the folder or file it was found in; deletes are followed per origin
    UNIQUE (base_id, path)
);
CREATE INDEX document_origin ON document (base_id, origin);

CREATE TABLE document_version (      -- one text a document had; the live one has no `died_at`
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document_id bigint NOT NULL REFERENCES document (id),
    sha256      bytea NOT NULL,                 -- of the file
    recipe      text NOT NULL,                  -- versions of reader and chunker: another one reads the file again
    title       text NOT NULL,
    language    text NOT NULL,                  -- BCP 47, "und" when it could not be told
    content     text NOT NULL,                  -- the canonical text; all offsets count its code points
    born_at     timestamptz NOT NULL DEFAULT now(),
    died_at     timestamptz
);
CREATE UNIQUE INDEX document_version_live ON document_version (document_id) WHERE died_at IS NULL;

CREATE TABLE page (
    version_id  bigint NOT NULL REFERENCES document_version (id) ON DELETE CASCADE,
    number      integer NOT NULL,
    start       integer NOT NULL,
    stop        integer NOT NULL,
    PRIMARY KEY (version_id, number)
);

CREATE TABLE chunk (                 -- a passage of a live version; leaves in the transaction that ends the version
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base_id     integer NOT NULL REFERENCES knowledge_base (id),
    version_id  bigint NOT NULL REFERENCES document_version (id) ON DELETE CASCADE,
    ordinal     integer NOT NULL,
    page        integer NOT NULL,
    section     text NOT NULL,
    start       integer NOT NULL,
    stop        integer NOT NULL,
    body        text NOT NULL,                  -- content[start:stop]
    term_count  integer NOT NULL,
    text_hash   bytea NOT NULL,                 -- of the text that was embedded
    UNIQUE (version_id, ordinal)
);
CREATE INDEX chunk_base ON chunk (base_id);

CREATE TABLE posting (               -- how often a term is in a chunk
    base_id     integer NOT NULL,
    chunk_id    bigint NOT NULL REFERENCES chunk (id) ON DELETE CASCADE,
    term        text NOT NULL,
    frequency   smallint NOT NULL,
    term_count  integer NOT NULL                -- of the chunk, so that BM25 needs no join
);
CREATE INDEX posting_term ON posting (base_id, term);
CREATE INDEX posting_chunk ON posting (chunk_id);

CREATE TABLE embedding (             -- the vector of a text by an embedder, whatever documents hold the text
    embedder    text NOT NULL,
    text_hash   bytea NOT NULL,
    vector      halfvec NOT NULL,
    PRIMARY KEY (embedder, text_hash)
);

CREATE TABLE document_failure (      -- a file that could not be read, until it can be
    base_id     integer NOT NULL REFERENCES knowledge_base (id),
    path        text NOT NULL,
    origin      text NOT NULL,
    sha256      bytea NOT NULL,
    recipe      text NOT NULL,
    code        text NOT NULL,
    reason      text NOT NULL,
    failed_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (base_id, path)
);
