"""From a file to a document and its chunks: hostile files are read in children."""
