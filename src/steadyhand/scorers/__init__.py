"""One measure of an output per file, in [0, 1]."""
