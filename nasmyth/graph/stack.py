"""Parts in a row that each look back two steps: the macro network of cell spaces (Zoph et al. 2018, arXiv:1707.07012).

    stack_cells(first, second, third)      # third takes what first and second made; first takes the input twice

A part takes two inputs, the older one first: a `cell(..., inputs=2)`, or an op or block with two inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nasmyth.graph.combine import Layout, Listed, Parts, refuse_no_template, row, split_row


class StackedCells(Listed):
    """Each part on the outputs of the two before it. Made by `stack_cells`."""

    items: Any

    def parts(self) -> Parts:
        return row(self.items)

    def with_parts(self, parts: Sequence[Any]) -> StackedCells:
        return StackedCells.of((split_row(self.items, parts)[0],))

    def lay(self, inputs: int) -> Layout:
        outputs = (0, 0, *range(inputs, inputs + len(self.items)))  # the first part has the input twice
        pairs = enumerate(zip(self.items, outputs, outputs[1:], strict=False))
        return Layout([(item, (older, newer), i) for i, (item, older, newer) in pairs], outputs[-1], inputs == 1)


def stack_cells(*items: Any) -> Any:
    """One template after another, each on the outputs of the two before it."""
    refuse_no_template(items, "stack_cells")
    return StackedCells(items)
