"""One guardrail per file: looks at text and reports findings."""

from steadyhand.guardrails._inspection import Report, inspect, marks, segments

__all__ = ["Report", "inspect", "marks", "segments"]
