"""Deterministic tests of an output: schema, rules, citations."""
