"""The examples that the best network gets most wrong: pictures with their labels, or rows of a table.

A study keeps them as the artefact "mistakes" of the candidate that met the test split (`nasmyth.train.mistakes` makes
it). A study may come from a stranger, so nothing in it is taken on trust: what is not as expected is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nasmyth.errors import NasmythError
from nasmyth.report import facts
from nasmyth.report.facts import number

ARTEFACT = "mistakes"
MOST, MOST_COLUMNS, MOST_BYTES = 24, 12, 400_000
_PICTURE = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=]+")


def held(study: Any, summary: Mapping[str, Any]) -> Any:
    """What the study keeps of them for its best candidate; None if that is nothing, too large or damaged."""
    from nasmyth.study.codec import decode

    best = facts.winner(summary)
    key = best["artefacts"].get(ARTEFACT) if best and facts.result(summary) else None
    if key is None:
        return None
    try:
        blob = study.get(key)
        return decode(blob) if len(blob) <= MOST_BYTES else None
    except (NasmythError, UnicodeDecodeError):
        return None


def shown(summary: Mapping[str, Any]) -> dict[str, Any] | None:
    """{"pictures": [...], "rows": [...], "columns": [...], "wrong", "of", "regression"}, texts all of it; None for
    nothing."""
    said = summary.get("mistakes")
    if not isinstance(said, Mapping) or not isinstance(said.get("examples"), list):
        return None
    examples = [_example(one) for one in said["examples"][:MOST] if isinstance(one, Mapping)]
    columns = [str(name) for name in _list(said.get("columns"))[:MOST_COLUMNS]]
    pictures = [one for one in examples if one["image"]]
    rows = [one for one in examples if columns and len(one["cells"]) == len(columns)]
    if not pictures and not rows:
        return None
    return {
        "pictures": pictures, "rows": [] if pictures else rows, "columns": columns,
        "target": str(said.get("target") or "value"),
        "wrong": said.get("wrong"), "of": said.get("of"), "regression": all(not one["sure"] for one in examples),
    }  # fmt: skip


def _example(one: Mapping[str, Any]) -> dict[str, Any]:
    image, sure = one.get("image"), one.get("sure")
    return {
        "true": _text(one.get("true")),
        "answer": _text(one.get("answer")),
        "sure": f"{100 * sure:.0f} %" if number(sure) else "",
        "image": image if isinstance(image, str) and _PICTURE.fullmatch(image) else "",
        "cells": [str(cell) for cell in _list(one.get("cells"))[:MOST_COLUMNS]],
    }


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _text(found: Any) -> str:
    return f"{found:.5g}" if number(found) else str(found)
