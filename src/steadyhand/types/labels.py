"""Who may see a document: whoever holds one of its labels."""

EVERYONE = "everyone"
"""The label that everybody holds."""
