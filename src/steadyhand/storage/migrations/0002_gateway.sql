-- Gateway calls in the ledger: whose they are, how they were routed, and every kind of token that has a price.

ALTER TABLE run
    ADD COLUMN key_id text NOT NULL DEFAULT '',          -- of the key that was shown; "" for the owner of the files
    ADD COLUMN end_user text NOT NULL DEFAULT '',        -- whom the caller named, as a pseudonym
    ADD COLUMN routing text NOT NULL DEFAULT '';         -- why these models, in this order

ALTER TABLE model_call
    ADD COLUMN cache_write_tokens integer NOT NULL DEFAULT 0,
    ADD COLUMN reasoning_tokens integer NOT NULL DEFAULT 0,
    ADD COLUMN is_estimated boolean NOT NULL DEFAULT false;   -- the provider counted no tokens
