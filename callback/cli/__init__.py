"""The command line: thin commands, a module for each noun."""

import typer

app = typer.Typer(
    name="callback",
    help="Keeps the promise to call back: plan, call, ask, and call again when somebody is unhappy.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Entry point of the `callback` command."""
    import callback.cli.commands  # noqa: F401, PLC0415  registers every noun's commands on `app`

    app()
