"""What spaces of sequences share: codes or features, then a body of layers, then an answer for all places or for each."""

from __future__ import annotations

from typing import Any

from nasmyth.blocks import sequence_head
from nasmyth.graph import Spec, chain
from nasmyth.graph.inputs import checked_inputs
from nasmyth.ops import Embedding, LayerNorm, LearnedPosition, Linear
from nasmyth.space import Space, integer, maybe

HEADS = 4
SMALL = {"input": {"tokens": Spec((10,), "int")}, "codes": 9, "classes": 3}
"""At which such spaces are tested."""


def widths() -> Any:
    """The width of all layers, one decision, which heads divide."""
    return integer(HEADS, 512, HEADS, name="width")


def framed(body: Any, width: Any, input: Any, codes: int, classes: int, each: bool) -> Space:
    """A body "b l width -> b l width" between its input and the answer.

    input: of one sequence; tokens are embedded, features are projected. codes: how many kinds of tokens. each: every place is
    answered, b l classes, else the mean of all of them, b classes.
    """
    given = checked_inputs({"tokens": Spec((64,), "int")} if input is None else input)
    stem = Embedding(codes, width) if given[0].dtype == "int" else Linear(width)
    head = chain(norm=LayerNorm(), linear=Linear(classes)) if each else sequence_head(classes)
    return Space(chain(embed=stem, position=maybe(LearnedPosition()), body=body, head=head), given)
