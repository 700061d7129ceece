"""What a command knows about how it was called."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, TypeAlias

import typer

from steadyhand.cli._terminal import Terminal
from steadyhand.settings import find_root

if TYPE_CHECKING:  # a workspace brings the whole product with it; `steadyhand --help` does without
    from steadyhand.workspace import AsyncWorkspace


class Serve(Protocol):
    """Answer HTTP until cancelled; `on_ready` is called once with the address. Raises when the port is taken."""

    def __call__(
        self, workspace: "AsyncWorkspace", host: str, port: int, on_ready: Callable[[str], None]
    ) -> Awaitable[None]: ...


@dataclass(slots=True)
class Shell:
    """`workspace` is None unless a folder was named."""

    serve: Serve
    terminal: Terminal = field(default_factory=Terminal)
    workspace: Path | None = None
    is_debugging: bool = False
    is_json: bool = False  # a program reads stdout

    @property
    def root(self) -> Path:
        """The workspace's folder: the one named, else the nearest upwards from here."""
        return self.workspace or find_root(Path.cwd())


def shell_of(context: typer.Context) -> Shell:
    """The shell that `_root.main` gave to every command."""
    shell = context.find_root().obj
    assert isinstance(shell, Shell)
    return shell


def new_app(about: str = "") -> typer.Typer:
    """What a command's file calls `app`. `about` describes a command that has commands of its own."""
    return typer.Typer(help=about or None, add_completion=False, rich_markup_mode=None, no_args_is_help=bool(about))


AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
