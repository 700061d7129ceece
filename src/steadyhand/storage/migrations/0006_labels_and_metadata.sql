-- Who may see a document, what is known of it, and the section around a passage.

ALTER TABLE access_key ADD COLUMN labels text[] NOT NULL DEFAULT '{}';  -- of documents that its holder may see

ALTER TABLE knowledge_base RENAME COLUMN generation TO revision;        -- counts its changes; the number in a snapshot id

ALTER TABLE document
    ADD COLUMN labels    text[] NOT NULL DEFAULT '{everyone}',          -- one of them is needed to see it
    ADD COLUMN metadata  jsonb  NOT NULL DEFAULT '{}',                  -- what searches filter by
    ADD COLUMN url       text   NOT NULL DEFAULT '',                    -- where a person finds the original
    ADD COLUMN review_by date;                                          -- behind this day it counts as stale

ALTER TABLE page
    ADD COLUMN width  real NOT NULL DEFAULT 0,                          -- points; 0 for formats without pages
    ADD COLUMN height real NOT NULL DEFAULT 0;

ALTER TABLE chunk
    ADD COLUMN parent_start integer NOT NULL DEFAULT 0,                 -- the section around it, on its page
    ADD COLUMN parent_stop  integer NOT NULL DEFAULT 0;
