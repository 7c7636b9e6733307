"""The command line: one verb a file, each of which parses, calls and prints. Nothing heavy is imported before a verb runs.

An error that Nasmyth raises on purpose is one message on stderr and exit status 1; wrong usage is status 2. Set
NASMYTH_DEBUG=1 for the traceback. Progress goes to stderr, results go to stdout.
"""

from __future__ import annotations

from collections.abc import Callable

import typer

from nasmyth.cli import bench, check, design, export, listing, measure, predict, search, show
from nasmyth.cli.errors import Verbs

app = typer.Typer(
    cls=Verbs,
    name="nasmyth",
    help="Designs neural networks to fit your data, your device, your budget.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from nasmyth import __version__

        typer.echo(f"nasmyth {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and end."
    ),
) -> None:
    pass


_VERBS: dict[str, Callable[..., None]] = {
    "design": design.design,
    "show": show.show,
    "export": export.export,
    "predict": predict.predict,
    "check": check.check,
    "search": search.search,
    "measure": measure.measure,
    "bench": bench.bench,
    "list": listing.listing,
}
for _name, _verb in _VERBS.items():
    app.command(_name)(_verb)


def main() -> None:
    """The `nasmyth` program."""
    app()
