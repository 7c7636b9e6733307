"""Where progress is shown: a bar on a terminal, one in a notebook, plain lines elsewhere, all on stderr."""

from __future__ import annotations

import html
import importlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Self

from nasmyth.progress.event import Progress

INTERVAL = 30.0
"""Seconds between two plain lines, unless a phase begins that was not seen before."""
ENDS = ("done", "interrupted")


class Display:
    """Shows what it is called with while it is open. This one shows nothing."""

    def __init__(self) -> None:
        self.now = Progress("starting")
        self.at = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        self.now, self.at = progress, time.monotonic()
        self.changed()

    def changed(self) -> None:
        """Called with every change of `now`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Calls(Display):
    """Calls a function of yours."""

    def __init__(self, function: Callable[[Progress], object]) -> None:
        super().__init__()
        self.function = function

    def changed(self) -> None:
        self.function(self.now)


class Lines(Display):
    """A plain line for every phase when it is first seen, and one each `INTERVAL` seconds; no control characters."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.said = 0.0

    def changed(self) -> None:
        if self.now.phase not in self.seen or self.at - self.said >= INTERVAL:
            self.seen.add(self.now.phase)
            self.said = self.at
            print(self.now.line(), file=sys.stderr, flush=True)


class Bar(Display):
    """Two lines on a terminal that are rewritten: phase, bar and share; epoch, loss, best and time left."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.live import Live
        from rich.progress_bar import ProgressBar

        self.bar = ProgressBar(total=1.0, width=24, pulse=True)
        console = Console(file=sys.stderr, highlight=False, emoji=False)
        self.live = Live(
            self, console=console, refresh_per_second=4, transient=True, redirect_stdout=False, redirect_stderr=True
        )

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        since = time.monotonic() - self.at
        share = self.now.share(since)
        self.bar.update(share or 0.0)
        self.bar.pulse = share is None
        first = Table.grid(padding=(0, 1))
        first.add_row(Text(self.now.words, style="bold"), self.bar, "" if share is None else f"{share:.0%}")
        details = self.now.details(since)
        return Group(first, Text(" · ".join(details), style="dim")) if details else first

    def __enter__(self) -> Self:
        self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.stop()


class Notebook(Display):
    """A bar and a line below the cell, rewritten in place."""

    def __init__(self) -> None:
        super().__init__()
        self.handle: Any = None

    def changed(self) -> None:
        page = importlib.import_module("IPython.display")  # who runs a notebook has it: it is nothing to install
        shown = page.HTML(self.html())
        if self.handle is None:
            self.handle = page.display(shown, display_id=True)
        else:
            self.handle.update(shown)

    def html(self) -> str:
        """The line, escaped."""
        share = self.now.share()
        value = "" if share is None else f' value="{share:.3f}"'
        bar = "" if self.now.phase in ENDS else f"<progress{value}></progress> "
        return f"<div>{bar}<b>{html.escape(self.now.words)}</b> {html.escape(' · '.join(self.now.details()))}</div>"


def shown(progress: bool | Callable[[Progress], object] | None = None) -> Display:
    """Where to show progress, to be opened with `with`.

    None: on a terminal or in a notebook, and nowhere else. True: there, and as plain lines elsewhere. False: nowhere.
    A function is called with every `Progress`.
    """
    if isinstance(progress, Display):
        return progress
    if callable(progress):
        return Calls(progress)
    if progress is False:
        return Display()
    if _in_notebook():
        return Notebook()
    if _on_terminal():
        return Bar()
    return Lines() if progress else Display()


def _on_terminal() -> bool:
    try:
        return sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
    except (AttributeError, ValueError):  # there is no stderr, or it is closed
        return False


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    return shell is not None and getattr(shell.get_ipython(), "kernel", None) is not None
