"""Models that are built in, one per file: they need no server and no key."""
