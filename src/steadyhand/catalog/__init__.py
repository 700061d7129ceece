"""Providers, models and prices, as data."""
