"""The program itself: finds its commands by file name, and imports a command's file only when it is called."""

import ast
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

import steadyhand
from steadyhand import plugins
from steadyhand.cli._failures import exit_code_of
from steadyhand.cli._shell import Serve, Shell, new_app, shell_of

_FOLDER = "cli"
_NOT_ONE_OF = re.compile(r"(?:Value error, )?('.*') is not one of (.*[^.])\.?")


class Commands(TyperGroup):
    """Lists commands by what their files say they do; nothing is imported to write the help."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - typer keeps the types to itself
        """The called command, loaded. It takes the general options too, wherever they are written."""
        name, described, rest = super().resolve_command(ctx, args)
        if name is None or described is None:
            return name, described, rest
        command = get_command(plugins.load(_FOLDER, name).app)
        assert isinstance(command, TyperCommand | TyperGroup)
        _extend(command, [option for option in self.params if option.name in _GENERAL])
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as above
        """Run the called command; a wrong value of an option is told in our words."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = _NOT_ONE_OF.sub(r"expected one of \2; found \1", error.message)
            raise


def main(arguments: Sequence[str], *, serve: Serve) -> int:
    """Run one command; returns the exit code: 0 good, 1 problems found, 2 misuse, 130 after Ctrl-C."""
    app = new_app(_ABOUT)
    app.callback(cls=Commands, epilog=_EPILOG)(_program)
    program = get_command(app)
    assert isinstance(program, Commands)
    program.commands = {name: TyperCommand(name, help=_about(name)) for name in plugins.names(_FOLDER)}
    shell = Shell(serve=serve, is_json="--json" in arguments)
    return exit_code_of(lambda: program.main(list(arguments), prog_name="steadyhand", obj=shell), shell)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"steadyhand {steadyhand.__version__}")
        raise typer.Exit


def _take_workspace(context: typer.Context, folder: Path | None) -> None:
    if folder is not None:
        shell_of(context).workspace = folder


def _take_quiet(context: typer.Context, is_quiet: bool) -> None:
    shell_of(context).terminal.is_quiet |= is_quiet


def _take_debug(context: typer.Context, is_debugging: bool) -> None:
    shell_of(context).is_debugging |= is_debugging


_GENERAL = ("workspace", "quiet", "debug")
_ABOUT = "Run AI features in production: answers with evidence, checks, and a record of every run."
_EPILOG = "First time here? `steadyhand demo` shows a company's documents answering questions."


def _program(
    *,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace", "-w", metavar="DIR", callback=_take_workspace, expose_value=False,
            help="The workspace; default: the nearest folder upwards with a steadyhand.toml.",
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", callback=_take_quiet, expose_value=False, help="No talk, only errors.")
    ] = False,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", envvar="STEADYHAND_DEBUG", callback=_take_debug, expose_value=False,
            help="Show the traceback of an error.",
        ),
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, expose_value=False, help="Print the version."
        ),
    ] = False,
) -> None:  # fmt: skip
    """The options that every command takes; their callbacks hand them to the shell."""


def _extend(command: TyperCommand | TyperGroup, options: list[Any]) -> None:
    """Give the options to a command and to the commands below it."""
    for below in getattr(command, "commands", {}).values():
        _extend(below, options)
    command.params.extend(options)


def _about(name: str) -> str:
    """The first line of the docstring of a command's file, read without running the file."""
    found = importlib.util.find_spec(plugins.module_name(_FOLDER, name))
    source = Path(found.origin).read_text(encoding="utf-8") if found and found.origin else ""
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
