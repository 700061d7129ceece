"""Identifiers that must not be swapped."""

from typing import NewType

RunId = NewType("RunId", str)
"""26 characters, a ULID: sorts by time of creation."""

FeatureName = NewType("FeatureName", str)
ModelId = NewType("ModelId", str)
"""`provider:name`, such as `openai:gpt-4o-mini` or `local:extractive`."""
