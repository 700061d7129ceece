"""Rerankers, one per file: `open(argument, models_folder, threads)` gives a `knowledge.search.rerank.Rerank`."""
