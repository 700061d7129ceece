"""One file per dialect that clients speak; each offers what `ClientDialect` says."""
