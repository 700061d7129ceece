"""The durable record of every run."""
