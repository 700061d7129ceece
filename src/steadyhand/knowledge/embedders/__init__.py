"""One embedding model per file: `open(folder, precision, threads)` gives an `Embed`."""
