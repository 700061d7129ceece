"""Vector stores, one file each: which chunks of a base are nearest to a question."""
