"""The path of a run: the steps, their order, and the engine that acts on them."""
