"""Who makes the vectors: local models and providers' ones, opened by the id of their vectors."""
