-- What a search reads: chunks with numbers of their base, compressed postings, and a table of vectors for each base
-- and embedder (docs/adr/0016).

-- chunks -----------------------------------------------------------------------------------------------------------

ALTER TABLE knowledge_base
    ADD COLUMN slot_count integer NOT NULL DEFAULT 0,   -- slots given to chunks, ever
    ADD COLUMN kept_from  bigint  NOT NULL DEFAULT 0;   -- the oldest revision whose chunks are all there
UPDATE knowledge_base b SET kept_from = revision,
    slot_count = (SELECT count(*) FROM chunk c WHERE c.base_id = b.id);

ALTER TABLE chunk                                       -- a passage; one of an ended version stays until it is reclaimed
    ADD COLUMN slot integer,                            -- its number in its base, in the order they came in
    ADD COLUMN born bigint,                             -- the first revision of the base that has it
    ADD COLUMN died bigint;                             -- the first revision without it; null: it is live
UPDATE chunk c SET slot = n.slot, born = n.revision
    FROM (SELECT c.id, b.revision, row_number() OVER (PARTITION BY c.base_id ORDER BY c.id) - 1 AS slot
          FROM chunk c JOIN knowledge_base b ON b.id = c.base_id) AS n
    WHERE n.id = c.id;
ALTER TABLE chunk ALTER COLUMN slot SET NOT NULL, ALTER COLUMN born SET NOT NULL;
CREATE UNIQUE INDEX chunk_slot ON chunk (base_id, slot);
CREATE INDEX chunk_text ON chunk (base_id, text_hash);
CREATE INDEX chunk_died ON chunk (base_id, died) WHERE died IS NOT NULL;
DROP INDEX chunk_base;

CREATE INDEX document_metadata ON document USING gin (metadata jsonb_path_ops);
CREATE INDEX document_restricted ON document (base_id) WHERE NOT labels @> '{everyone}';

-- words ------------------------------------------------------------------------------------------------------------

CREATE TABLE lexical_segment (       -- postings of chunks that came in together; small ones are merged into larger ones
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base_id     integer NOT NULL,               -- no foreign key: a merge must not wait for a writer of the base
    level       smallint NOT NULL,              -- how often its postings were merged
    first_slot  integer NOT NULL
);
CREATE INDEX lexical_segment_base ON lexical_segment (base_id, first_slot);

CREATE TABLE lexical_block (         -- the chunks of a segment that hold a term
    segment_id  integer NOT NULL,               -- no foreign key: blocks come and go with their segment by the thousand
    term        text NOT NULL,
    postings    bytea NOT NULL,                 -- for each chunk 8 bytes: int4 slot, int2 terms in it, int2 times of this
    PRIMARY KEY (segment_id, term)
);
ALTER TABLE lexical_block ALTER COLUMN postings SET STORAGE EXTERNAL;

CREATE TABLE version_terms (         -- where the postings of a version are found again, to take them out
    version_id  bigint PRIMARY KEY REFERENCES document_version (id) ON DELETE CASCADE,
    terms       text[] NOT NULL
);

INSERT INTO lexical_segment (base_id, level, first_slot) SELECT id, 1, 0 FROM knowledge_base WHERE slot_count > 0;
INSERT INTO lexical_block (segment_id, term, postings)
    SELECT s.id, p.term, string_agg(
        int4send(c.slot) || int2send(least(p.term_count, 32767)::int2) || int2send(p.frequency), '' ORDER BY c.slot)
    FROM posting p JOIN chunk c ON c.id = p.chunk_id JOIN lexical_segment s ON s.base_id = c.base_id
    GROUP BY s.id, p.term;
INSERT INTO version_terms (version_id, terms)
    SELECT c.version_id, array_agg(DISTINCT p.term) FROM posting p JOIN chunk c ON c.id = p.chunk_id
    GROUP BY c.version_id;
DROP TABLE posting;

-- vectors ----------------------------------------------------------------------------------------------------------

CREATE TABLE embedding_set (         -- the vectors of a base's texts by one embedder: the partition embedding_<id>
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base_id     integer NOT NULL REFERENCES knowledge_base (id),
    embedder    text NOT NULL,
    dims        integer NOT NULL,
    is_indexed  boolean NOT NULL DEFAULT false,  -- has it an index of nearest vectors?
    UNIQUE (base_id, embedder)
);

ALTER TABLE embedding RENAME TO embedding_once;
ALTER INDEX embedding_pkey RENAME TO embedding_once_pkey;
CREATE TABLE embedding (             -- the vector of a text, whatever chunks of its base have the text
    set_id      integer NOT NULL,
    text_hash   bytea NOT NULL,
    vector      halfvec NOT NULL,
    PRIMARY KEY (set_id, text_hash)
) PARTITION BY LIST (set_id);
ALTER TABLE embedding ALTER COLUMN vector SET STORAGE MAIN;

INSERT INTO embedding_set (base_id, embedder, dims)
    SELECT b.id, b.embedder, min(vector_dims(e.vector)) FROM knowledge_base b JOIN chunk c ON c.base_id = b.id
    JOIN embedding_once e ON e.embedder = b.embedder AND e.text_hash = c.text_hash GROUP BY b.id, b.embedder;
DO $$
DECLARE made record;
BEGIN
    FOR made IN SELECT * FROM embedding_set LOOP
        EXECUTE format('CREATE TABLE embedding_%s (LIKE embedding INCLUDING ALL) WITH (toast_tuple_target = 8160)', made.id);
        EXECUTE format('ALTER TABLE embedding ATTACH PARTITION embedding_%s FOR VALUES IN (%s)', made.id, made.id);
        INSERT INTO embedding (set_id, text_hash, vector)
            SELECT made.id, e.text_hash, e.vector FROM embedding_once e WHERE e.embedder = made.embedder
            AND EXISTS (SELECT 1 FROM chunk c WHERE c.base_id = made.base_id AND c.text_hash = e.text_hash);
    END LOOP;
END $$;
DROP TABLE embedding_once;
