"""What verbs print with: results on stdout, progress on stderr."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

PLAIN_WIDTH = 140
"""Columns for output that is not a terminal, such as a file: nothing is cut."""


def terminal(stderr: bool = False) -> Any:
    """A Rich console; wide and without colour where the output is not a terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False)


def print_json(data: Any) -> None:
    """One JSON document on stdout. Numbers that are not finite are null."""
    from nasmyth.study.summary import plain

    print(json.dumps(plain(data), indent=1, default=str, ensure_ascii=False))


def print_table(heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]]) -> None:
    """A table; heads are (title, "left" or "right")."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for i, (head, justify) in enumerate(heads):
        table.add_column(head, justify=justify, no_wrap=i == 0, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*[Text(str(cell)) for cell in row])
    terminal().print(table)


@contextlib.contextmanager
def only_results() -> Iterator[None]:
    """Inside, whatever a library prints goes to stderr: stdout is for the result."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


class Live:
    """A line on stderr about long work: phase, candidates, best so far, time left. A line a phase where it is no terminal.

    Call it with anything that has `phase`, `trials`, `best`, `spent` and `spend`, such as `design.Progress`.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.console = terminal(stderr=True)
        self.quiet = quiet
        self.now: Any = None
        self.at = 0.0
        self.live: Any = None

    def __enter__(self) -> Live:
        if not self.quiet and self.console.is_terminal:
            from rich.live import Live as RichLive

            self.live = RichLive(
                self,
                console=self.console,
                refresh_per_second=4,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()

    def __call__(self, progress: Any) -> None:
        new = self.now is None or progress.phase != self.now.phase
        self.now, self.at = progress, time.monotonic()
        if self.live is None and new and not self.quiet:
            print(self.line(), file=self.console.file, flush=True)

    def __rich__(self) -> str:
        return self.line() if self.now else "reading"

    def line(self) -> str:
        """What is going on, in one line."""
        now = self.now
        parts = [now.phase, f"{now.trials} candidate{'s' * (now.trials != 1)}"]
        parts += [f"best {now.best}"] if now.best else []
        if now.spend.seconds is not None:
            left = max(0.0, now.spend.seconds - now.spent - (time.monotonic() - self.at))
            parts.append(f"{left:.0f} s left" if left < 120 else f"{left / 60:.0f} min left")
        return " · ".join(parts)
