"""Every door over HTTP: the API and the console."""
