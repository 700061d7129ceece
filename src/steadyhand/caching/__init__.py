"""Answers that were given before, and when one may be given again."""
