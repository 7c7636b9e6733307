"""The command line: one verb a file, each of which parses, calls and prints. Nothing heavy is imported before a verb runs.

An error that Nasmyth raises on purpose is one message on stderr and exit status 1; wrong usage is status 2. Set
NASMYTH_DEBUG=1 for the traceback. Progress goes to stderr, results go to stdout.
"""

from __future__ import annotations

from collections.abc import Callable

import typer

from nasmyth.cli import audit, bench, check, design, export, listing, measure, predict, search, show
from nasmyth.cli.errors import Verbs

app = typer.Typer(
    cls=Verbs,
    name="nasmyth",
    help="Designs neural networks to fit your data, your device, your budget.",
    epilog="To begin: nasmyth design digits --under 'params<=10k' --spend 90s; then: nasmyth show digits.db",
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


_VERBS: dict[str, tuple[Callable[..., None], str]] = {
    "design": (design.design, "Design a network for your data under a budget."),
    "show": (show.show, "Show what a study found; --html for a page."),
    "export": (export.export, "Write a network to a file: .onnx, .py, .pt2."),
    "predict": (predict.predict, "Answer new inputs with a network."),
    "check": (check.check, "Measure a network against a budget."),
    "search": (search.search, "Search a space of your own on your data."),
    "measure": (measure.measure, "Costs of a network, or of those of a space."),
    "audit": (audit.audit, "Hold training-free scores against training."),
    "bench": (bench.bench, "Compare strategies on a published table."),
    "list": (listing.listing, "List what there is: ops, measures, spaces ..."),
}
"""What each verb calls, and what is said of it where all are listed: few enough words that none are cut."""
for _name, (_verb, _short) in _VERBS.items():
    app.command(_name, short_help=_short)(_verb)


def main() -> None:
    """The `nasmyth` program."""
    app()
