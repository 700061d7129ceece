"""One order of models per file."""
