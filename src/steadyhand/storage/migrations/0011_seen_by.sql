-- Who may see texts that have ended, and which texts a run has shown to models.

ALTER TABLE document_version
    ADD COLUMN labels text[];                           -- of its document when it ended; null: it is the document's text now
UPDATE document_version v SET labels = d.labels FROM document d WHERE d.id = v.document_id AND v.died_at IS NOT NULL;

ALTER TABLE run_payload
    ADD COLUMN told bigint[] NOT NULL DEFAULT '{}';     -- document versions that models were shown on the way, besides its retrievals
