-- Answers that may be given again to the same question.

CREATE TABLE response_cache (        -- one answer
    key         bytea PRIMARY KEY,             -- SHA-256 over everything that decides it
    run_id      text NOT NULL,                 -- whose answer it is; not a reference: its row may come a moment later
    value       bytea NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX response_cache_run ON response_cache (run_id);
CREATE INDEX response_cache_expires ON response_cache (expires_at);
CREATE INDEX response_cache_created ON response_cache (created_at);
