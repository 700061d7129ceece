-- Limits: what keys may use, what was used of every limit, and what processes hold ready for calls to come.

ALTER TABLE access_key
    ADD COLUMN usd_per_day numeric CHECK (usd_per_day > 0),
    ADD COLUMN requests_per_minute integer CHECK (requests_per_minute > 0),
    ADD COLUMN tokens_per_minute integer CHECK (tokens_per_minute > 0),
    ADD COLUMN models text[] NOT NULL DEFAULT '{}';   -- patterns of what it may call through the gateway; none: all

CREATE TABLE quota (                 -- what was used of one limit in one window: the sum over the ledger's rows
    scope       text NOT NULL,       -- of whom: `key:ID`, `user:KEY/NAME`, `feature:NAME`, `workspace`
    unit        text NOT NULL CHECK (unit IN ('usd', 'requests', 'tokens')),
    window_no   bigint NOT NULL,     -- counts windows since 1970: days for usd, minutes for the others
    used        numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (scope, unit, window_no)
);

CREATE UNLOGGED TABLE quota_lease (  -- what one process may use without asking; void when its holder's lock is free
    scope       text NOT NULL,
    unit        text NOT NULL,
    window_no   bigint NOT NULL,
    holder      integer NOT NULL,    -- the number of an advisory lock that the process holds as long as it lives
    amount      numeric NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (scope, unit, window_no, holder)
);

CREATE SEQUENCE quota_holder AS integer CYCLE;
