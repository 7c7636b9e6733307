"""Reports: a study as text for the terminal and as one self-contained HTML page. They read a journal and nothing else.

report.html("digits.db", "report.html")
report.html(["digits.db", "wider.db"], "both.html")             # side by side
print(report.text("digits.db"))
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

__all__ = ["html", "study_name", "summary_of", "text"]


def html(source: Any, out: str | os.PathLike[str] | None = None) -> Path | str:
    """The page of a study (a path, an open `Study`, or its summary), or of several in a list, side by side.

    Written to `out`, whole or not at all, or returned as text. Raises ExportError if it cannot be written.
    """
    from nasmyth.files import write_text
    from nasmyth.report.page import render, render_several

    if isinstance(source, list | tuple):
        page = render_several([summary_of(one) for one in source], list(map(study_name, source)))
    else:
        page = render(summary_of(source))
    if out is None:
        return page
    return write_text(out, page)


def text(source: Any, width: int = 110) -> str:
    """What `nasmyth show` prints of a study, or of several in a list, without colour."""
    from nasmyth.report.terminal import several_to_text, to_text

    if isinstance(source, list | tuple):
        return several_to_text([summary_of(one) for one in source], list(map(study_name, source)), width)
    return to_text(summary_of(source), width)


def study_name(source: Any) -> str:
    """What a study is called beside others: the name of its file, or of its database without user and password."""
    where = getattr(getattr(source, "journal", None), "where", source)
    return Path(str(where).partition("?")[0]).name if isinstance(where, str | os.PathLike) else "study"


def summary_of(source: Any) -> dict[str, Any]:
    """The summary of a study that is given as a path, a URL, an open `Study`, or as its summary already."""
    from nasmyth.report.read import read

    return read(source)
