"""HTML and SVG as text: elements with everything in them escaped, and small tables for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

MOST_ROWS = 40
"""Rows of a table in a notebook; what is beyond is counted."""


def tag(name: str, content: str = "", **attributes: object) -> str:
    """An element. Attribute values are escaped (content is not: it is elements, or text given through `words`).

    `class_` is written "class", `data_tip` is "data-tip"; attributes that are None are left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def words(text: object) -> str:
    """Text as content."""
    return escape(str(text), quote=False)


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[int] = (), title: str = "") -> str:
    """A table for a notebook: plain text in its cells; columns whose numbers are in `right` are set to the right.

    Of a long one the first `MOST_ROWS` rows, and how many are left out.
    """
    aligned = set(right)

    def line(cells: Iterable[object], kind: str) -> str:
        return tag("tr", "".join(
            tag(kind, words(cell) or " ", style=f"padding:2px 8px;text-align:{'right' if i in aligned else 'left'}")
            for i, cell in enumerate(cells)
        ))  # fmt: skip

    every = list(rows)
    body = "".join(line(row, "td") for row in every[:MOST_ROWS])
    left = len(every) - MOST_ROWS
    more = tag("p", f"and {left:,} more") if left > 0 else ""
    head = tag("thead", line(heads, "th"))
    return (tag("p", tag("b", words(title))) if title else "") + tag("table", head + tag("tbody", body or " ")) + more
