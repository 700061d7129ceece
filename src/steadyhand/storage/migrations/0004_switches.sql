-- What was switched off by hand, until it is switched on again.

CREATE TABLE switch_off (
    target      text PRIMARY KEY,           -- a model such as openai:gpt-4o, provider:NAME, feature:NAME, or *
    reason      text NOT NULL,
    by          text NOT NULL,              -- who did it
    at          timestamptz NOT NULL DEFAULT now()
);
