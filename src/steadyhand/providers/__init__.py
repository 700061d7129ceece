"""One file per wire dialect or built-in model; the only place that talks to models."""
