"""One library for feature flags per file."""
