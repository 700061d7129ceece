"""Documents in, passages out: read, chunk, embed, store, search."""
