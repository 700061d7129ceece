-- Vector stores beside the database: which of their collections mirror which vectors, and what they have yet to hear of.

CREATE TABLE store_mirror (          -- a collection of a store, with the vectors of a base by one embedder
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collection  text NOT NULL UNIQUE,           -- used once: what is built anew has another name
    store       text NOT NULL,                  -- as in [stores.NAME]
    base_id     integer NOT NULL,               -- no foreign key: a base that was erased has still to leave its store
    embedder    text NOT NULL,
    dims        integer NOT NULL,
    next_slot   integer NOT NULL DEFAULT 0,     -- while it is built: chunks below are in it
    built_at    timestamptz,                    -- null: it is being built
    pushed_at   timestamptz NOT NULL DEFAULT now()  -- when it was last written to
);
CREATE INDEX store_mirror_base ON store_mirror (base_id);

CREATE TABLE store_outbox (          -- chunks that came, went, or are shown to others now, in bases that have a mirror
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base_id     integer NOT NULL,               -- no foreign key, as above
    slot        integer NOT NULL
);
CREATE INDEX store_outbox_base ON store_outbox (base_id, id);
