"""TOML tables that people write: the line of every key, and what is wrong with one in our words."""
