-- Who remembers what a base holds has to hear that chunks were taken out of it for good.

ALTER TABLE knowledge_base ADD COLUMN forgotten bigint NOT NULL DEFAULT 0;  -- chunks taken out, ever
