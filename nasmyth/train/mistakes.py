"""What a network gets most wrong, example by example, as plain data that a journal can keep: pictures, or rows.

Of classes, the wrong answers that were given with most confidence; of values, the largest errors. What an example looks like is
the matter of its input (`show`). Bounded, whatever the data: at most MOST examples, small pictures, a few columns of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from nasmyth.forms import stored

if TYPE_CHECKING:
    from nasmyth.train.task import Task

MOST = 24
MOST_BYTES = 90_000
"""Of all pictures together: noise does not compress."""


def mistakes(raw: Any, task: Task, split: str = "test") -> dict[str, Any]:
    """{"examples": [...], "wrong": how many, "of": how many, "columns": names, of rows, "target"}; `raw` is what the
    last layer gave.

    An example has "true" and "answer" (texts of classes, numbers of values), "sure" (the probability of a wrong class), and
    "image" (a PNG as data URI) or "cells" (texts).
    """
    held, outputs = getattr(task, split), task.outputs
    y = stored.section(held.y, slice(None))
    order, wrong = outputs.worst(raw, y)
    answered = outputs.shape[:-1]
    worst = [(place, _place(place, answered)) for place in order[:MOST].tolist()]
    rows = torch.tensor([place[0] for _, place in worst], dtype=torch.int64)
    shown = task.inputs.show(stored.pick(stored.moved(held.x, "cpu"), rows), [place[1:] for _, place in worst])
    told: list[dict[str, Any]] = []
    size = 0
    for (place, _), looks in zip(worst, shown, strict=True):
        size += len(looks.get("image", ""))
        if size > MOST_BYTES:
            break
        told.append({**outputs.said(raw, y, place), **looks})
    target = "" if task.classes else str(outputs.names[0])
    return {
        "examples": told, "wrong": wrong, "of": outputs.counted(y), "columns": task.inputs.shown_columns, "target": target,
    }  # fmt: skip


def _place(flat: int, answered: tuple[int, ...]) -> tuple[int, ...]:
    """The example, and the position in it, of an answer in the flat row of all."""
    place: list[int] = []
    for length in reversed(answered):
        flat, at = divmod(flat, length)
        place.insert(0, at)
    return (flat, *place)
