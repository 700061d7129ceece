"""Steadyhand runs AI features in production: one package, one process, one PostgreSQL."""

__version__ = "0.1.0"
