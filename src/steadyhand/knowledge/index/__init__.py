"""What a search reads: chunks, postings, vectors; what holds for them, and what keeps them small."""
