"""The command line: thin commands, a module for each noun."""

import gc
import sys

import typer

from callback.services.collector import leave_out

app = typer.Typer(
    name="callback",
    help="Keeps the promise to call back: plan, call, ask, and call again when somebody is unhappy.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _first_word_is_a_command() -> None:
    """Also when only one is registered: Typer would take it for the whole program."""


def main() -> None:
    """Entry point of the `callback` command."""
    from callback.cli import nouns  # noqa: PLC0415  after `app`, on which each noun registers its commands

    gc.disable()  # what is imported stays: looking through it meanwhile is a fifth of the time until a command starts
    nouns.register(sys.argv[1] if len(sys.argv) > 1 else None)
    leave_out()
    gc.enable()
    app()
