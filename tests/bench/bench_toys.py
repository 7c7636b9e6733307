"""A table small enough to know everything about it: 3 x 4 x 2 networks, their figures a formula."""

from __future__ import annotations

from nasmyth.graph import chain
from nasmyth.ops import Conv, Linear, Mean
from nasmyth.space import Space, choice
from nasmyth.spaces.registry import Notation

SPACE = Space(
    chain(Conv(choice(4, 8, 16, name="width"), choice(1, 3, 5, 7, name="kernel")), Conv(choice(4, 8, name="top")),
        Mean("h w"),
          Linear(2)), input=(1, 8, 8),
)  # fmt: skip
KEYS = ("width", "kernel", "top")
NOTATION = Notation(
    lambda genome: "-".join(str(genome[key]) for key in KEYS),
    lambda text: dict(zip(KEYS, map(int, text.split("-")), strict=True)),
)
TEXTS = [NOTATION.text(genome) for genome in SPACE.enumerate()]


def figures(text: str) -> dict[str, float]:
    width, kernel, top = map(int, text.split("-"))
    return {"accuracy": 50.0 + width + kernel / 10 + top / 100, "test": 49.0 + width,
        "params": float(width * kernel * kernel),
            "cost": 2.0 * kernel}  # fmt: skip


def columns(texts=TEXTS) -> dict[str, list[float]]:
    rows = [figures(text) for text in texts]
    return {name: [row[name] for row in rows] for name in rows[0]}
