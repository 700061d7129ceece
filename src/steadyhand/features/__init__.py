"""Contracts: load, check, version and reload them."""
