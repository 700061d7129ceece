"""Which models may serve a run, in which order, and why."""
