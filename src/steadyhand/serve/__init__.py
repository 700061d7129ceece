"""The HTTP doors: the API, the console, and who may come in."""
