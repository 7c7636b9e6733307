"""A call of a function of PyTorch, as rules see it, and the table of rules.

What a function is in our language is looked up by its name. A rule is given the call and returns the value that it makes,
or None where no op says it exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.tracing.drafts import Drafts
from nasmyth.tracing.refusals import line_of
from nasmyth.tracing.values import Draft, Flow, Held, Layout, layout_of

Rule = Callable[["Call"], Any]
RULES: dict[str, Rule] = {}
"""By the name of the function, without the overload: "conv2d"."""


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register what to do with functions of these names."""

    def add(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return add


class Call:
    """A call of a function of PyTorch: its arguments by name, what it gives, and where it stands."""

    def __init__(self, reader: Drafts, node: torch.fx.Node, target: Any, arguments: dict[str, Any]) -> None:
        self.reader, self.node, self.target, self.arguments = reader, node, target, arguments
        self.name = target._schema.name.rpartition("::")[2]
        path, self.visit = _module_of(node)
        self.path = reader.program.module.path(path)
        self.line = line_of(node)

    def __getitem__(self, name: str) -> Any:
        """An argument, the default of the function where it was not given."""
        return self.arguments[name]

    @property
    def given(self) -> Any:
        """The tensor, or the tuple of them, that comes out, without numbers."""
        return self.node.meta["val"]

    @property
    def layout(self) -> Layout:
        return self.layout_of(self.given)

    def layout_of(self, tensor: Tensor) -> Layout:
        return layout_of(tensor, self.reader.batch, self.line)

    def plain_defaults(self, *used: str) -> bool:
        """Whether all other arguments are what the function takes by itself."""
        return all(
            self.arguments[a.name] == a.default_value
            for a in self.target._schema.arguments
            if a.name not in used and a.has_default_value()
        )

    def put(self, op: Any, *inputs: int, weights: dict[str, Held] | None = None, name: str = "") -> int | None:
        """A node of this op; None if it does not take these shapes, or holds something that has to stand by itself."""
        held = weights or {}
        if any(h.name in self.reader.apart for h in held.values() if h.learned):
            return None
        try:
            shape = op.infer(*(self.reader.drafts[i].shape for i in inputs))
        except (ShapeError, SpaceError):
            return None
        title = name or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(op).__name__).lower()
        return self.reader.add(Draft(op, inputs, shape, self.path, self.visit, title, held, self.line))

    def flow(self, draft: int | None, layout: Layout | None = None) -> Flow | None:
        """The value that a node makes; None if the node could not be made or its shape is not what the program has."""
        layout = layout or self.layout
        return None if draft is None or self.reader.drafts[draft].shape != layout.shape else Flow(draft, layout)


def _module_of(node: torch.fx.Node) -> tuple[str, str]:
    """The place of the module whose forward made the call, and which of its visits it was."""
    stack = node.meta.get("nn_module_stack") or {}
    if not stack:
        return "", ""
    visit = list(stack)[-1]
    path = stack[visit][0].partition("@")[0]
    return path, visit
