"""A gateway call: the path of a run of the built-in feature `passthrough`, at the speed of a proxy."""
