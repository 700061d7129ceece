"""The console program `steadyhand`: one file per command. What a command prints as data goes to stdout."""

from steadyhand.cli._root import main
from steadyhand.cli._shell import Serve

__all__ = ["Serve", "main"]
