"""Reports: a study as text for the terminal and as one self-contained HTML page. They read a journal and nothing else.

report.html("digits.db", "report.html")
print(report.text("digits.db"))
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

__all__ = ["html", "summary_of", "text"]


def html(source: Any, out: str | os.PathLike[str] | None = None) -> Path | str:
    """The page of a study (a path, an open `Study`, or its summary): written to `out`, or returned as text."""
    from nasmyth.report.page import render

    page = render(summary_of(source))
    if out is None:
        return page
    path = Path(out)
    path.write_text(page, encoding="utf-8")
    return path


def text(source: Any, width: int = 110) -> str:
    """What `nasmyth show` prints of a study, without colour."""
    from nasmyth.report.terminal import plain

    return plain(summary_of(source), width)


def summary_of(source: Any) -> dict[str, Any]:
    """The summary of a study that is given as a path, a URL, an open `Study`, or as its summary already."""
    from nasmyth.report.read import read

    return read(source)
