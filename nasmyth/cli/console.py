"""What verbs print with: results on stdout, whatever libraries say on stderr (progress is shown by `nasmyth.progress`)."""

from __future__ import annotations

import contextlib
import json
import sys
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
