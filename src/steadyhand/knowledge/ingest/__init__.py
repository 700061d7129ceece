"""Brings documents from their sources into a base, and keeps it in step with them."""
