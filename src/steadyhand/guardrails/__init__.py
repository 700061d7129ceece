"""One guardrail per file: looks at text and reports findings."""
