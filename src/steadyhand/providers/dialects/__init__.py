"""One wire dialect per file: pure translation between our vocabulary and a vendor's, no I/O."""
