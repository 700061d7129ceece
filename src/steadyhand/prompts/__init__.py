"""From a template and untrusted input to the messages a model gets."""
