"""From a program to drafts of nodes: each call becomes an op of ours, or an opaque one, or nothing at all.

What a function of PyTorch is in our language is looked up in a table of rules (`call.py`; the rules are in `layers`,
`products`, `moves`, `sums`). A call that no rule takes becomes `Opaque` (`writing`).
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor

from nasmyth.errors import TraceError
from nasmyth.graph.joins import Input
from nasmyth.ops.tensors import Weight
from nasmyth.tracing.attention import Group, attention, groups
from nasmyth.tracing.call import RULES, Call
from nasmyth.tracing.capture import Captured
from nasmyth.tracing.drafts import Drafts
from nasmyth.tracing.refusals import line_of
from nasmyth.tracing.values import Draft, Expression, Flow, Held, Layout, layout_of
from nasmyth.tracing.writing import alone, encoded, is_table, opaque

INLINE = 24
"""A constant made by more calls than this is a node of its own."""


class Reader(Drafts):
    """Reads a captured program into drafts."""

    def __init__(self, program: Captured, apart: frozenset[str]) -> None:
        super().__init__(program, apart)
        self.whole: dict[str, Flow | None] = {}

    def read(self) -> int:
        """Reads all of it; returns the draft of the answer."""
        nodes = self.program.graph.nodes
        for node in nodes:
            if node.op == "placeholder":
                self.env[node] = self.placeholder(node)
        self.run(self.program.graph, self.env)
        answer = self.as_flow(self.env[self.program.answer])
        if answer.layout.axis != 0 or answer.layout.share != 1:
            raise TraceError(
                f"the answer has the shape {answer.layout.actual}, in which the batch is not the first axis by itself; "
                "return it as (batch, ...)"
            )
        return answer.draft

    def placeholder(self, node: torch.fx.Node) -> Any:
        if node is self.program.x:
            layout = layout_of(node.meta["val"], self.batch)
            self.drafts.insert(0, Draft(Input(layout.shape), (), layout.shape, "", "", "input", {}, ""))
            return Flow(0, layout)
        if node.name in self.program.held:
            name, tensor = self.program.held[node.name]
            return Held(name, tensor, isinstance(tensor, torch.nn.Parameter))
        return None

    def run(self, graph: torch.fx.Graph, env: dict[torch.fx.Node, Any]) -> None:
        needed = _needed(graph)
        whole = groups(graph, self.program.module, needed, set(self.program.held))
        for node in graph.nodes:
            if node in whole and self.grouped(node, whole[node], env):
                continue
            if node.op == "get_attr":
                env[node] = getattr(graph.owning_module, node.target, None)
            elif node.op == "call_function":
                self.refuse_writing(node, env)
                if node in needed:
                    env[node] = self.call(node, env)

    def grouped(self, node: torch.fx.Node, group: Group, env: dict[torch.fx.Node, Any]) -> bool:
        """Whether a node is part of several that one op stands for; that op is put where the last of them is."""
        if group.visit not in self.whole:
            made = attention(self, group, env.get(group.x), layout_of(group.result.meta["val"], self.batch))
            self.whole[group.visit] = made
        if self.whole[group.visit] is not None and node is group.result:
            env[node] = self.whole[group.visit]
        return self.whole[group.visit] is not None

    def refuse_writing(self, node: torch.fx.Node, env: dict[torch.fx.Node, Any]) -> None:
        """A module that changes what it holds is not a function of its input."""
        schema = getattr(node.target, "_schema", None)
        if schema is not None and schema.is_mutable:
            for argument in node.args[:1]:
                held = env.get(argument) if isinstance(argument, torch.fx.Node) else None
                if isinstance(held, Held) and "lifted_tensor" not in held.name:
                    raise TraceError(
                        f"forward changes {self.program.module.path(held.name)!r}, which the module "
                        f"holds{line_of(node)}; a graph keeps nothing from "
                        "one call to the next. Compute with a copy, or do this in training mode only"
                    )

    def call(self, node: torch.fx.Node, env: dict[torch.fx.Node, Any]) -> Any:
        def value(argument: Any) -> Any:
            return env[argument] if isinstance(argument, torch.fx.Node) else argument

        if node.target is operator.getitem:
            return env[node.args[0]][node.args[1]]  # type: ignore[index]
        args = torch.fx.node.map_aggregate(node.args, value)
        kwargs = torch.fx.node.map_aggregate(node.kwargs, value)
        if isinstance(node.target, torch._ops.HigherOrderOperator):
            return self.inside(node, args)
        if not hasattr(node.target, "_schema"):
            raise TraceError(f"{node.target} cannot be part of a graph{line_of(node)}")
        target = _without_writing(node)
        schema = target._schema.arguments
        given = {**dict(zip([a.name for a in schema], args, strict=False)), **kwargs}
        arguments = {a.name: given.get(a.name, a.default_value) for a in schema}
        call = Call(self, node, target, arguments)
        if not _any_flow(arguments):
            alias = RULES.get(call.name) if call.name in ALIASES else None
            found = alias(call) if alias else None
            found = found if found is not None else _constant(call)
            if found is not None:
                return found
        found = RULES[call.name](call) if call.name in RULES else None
        if found is not None:
            return found
        return opaque(call)

    def inside(self, node: torch.fx.Node, args: tuple[Any, ...]) -> Any:
        """A part of a program under other circumstances (gradients or mixed precision switched): as if it stood outside."""
        at = next((i for i, a in enumerate(args) if isinstance(a, torch.fx.GraphModule)), None)
        name = getattr(node.target, "_name", str(node.target))
        if at is None or not name.startswith(("wrap_with_set_grad", "wrap_with_autocast")):
            raise TraceError(
                f"{name} cannot be part of a graph{line_of(node)}: it decides by values. Use torch.where(condition, a, b)"
            )
        if name.startswith("wrap_with_autocast") and args[2]:
            raise TraceError(f"a part of the module switches mixed precision on{line_of(node)}; trace it without")
        body = args[at].graph
        places = [n for n in body.nodes if n.op == "placeholder"]
        env = dict(zip(places, args[at + 1 :], strict=True))
        self.run(body, env)
        (last,) = [n for n in body.nodes if n.op == "output"]
        return torch.fx.node.map_aggregate(last.args[0], lambda a: env[a] if isinstance(a, torch.fx.Node) else a)

    def as_flow(self, value: Any) -> Flow:
        """Anything as a node: what is held becomes `Weight`, a constant an opaque call."""
        if isinstance(value, Flow):
            return value
        if isinstance(value, Held):
            if value.name not in self.weights:
                op = Weight(tuple(value.tensor.shape))
                path, _, name = self.program.module.path(value.name).rpartition(".")
                layout = Layout(tuple(value.tensor.shape), -1, 1, "")
                draft = Draft(
                    op, (0,), layout.shape, path, "", name, {"weight": Held(value.name, value.tensor, True)}, ""
                )
                self.weights[value.name] = Flow(self.add(draft), layout)
            return self.weights[value.name]
        if isinstance(value, Expression):
            return alone(self, value)
        raise TraceError(f"the module gives {value!r}, which does not depend on its input")


ALIASES = {
    "contiguous",
    "clone",
    "detach",
    "detach_",
    "alias",
    "lift_fresh_copy",
    "lift_fresh",
    "to",
    "dropout",
    "positive",
}
"""Functions that may give back what they were given."""


def _constant(call: Call) -> Expression | None:
    """What is made of numbers alone, to be written into the call that reads it."""
    leaves = _leaves(call.arguments)
    if not isinstance(call.given, Tensor) or any(isinstance(v, Held) and not is_table(v) for v in leaves):
        return None
    calls = 1 + sum(v.calls for v in leaves if isinstance(v, Expression))
    return Expression(encoded(call, {}, {}), call.layout, calls) if calls <= INLINE else None


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for v in value.values() for leaf in _leaves(v)]
    if isinstance(value, (list, tuple)) and not isinstance(value, (Flow, Held, Expression)):
        return [leaf for v in value for leaf in _leaves(v)]
    return [value]


def _any_flow(arguments: dict[str, Any]) -> bool:
    return any(isinstance(v, Flow) for v in _leaves(arguments))


def _needed(graph: torch.fx.Graph) -> set[torch.fx.Node]:
    """What the outputs are computed from."""
    needed: set[torch.fx.Node] = set()
    stack = [node for node in graph.nodes if node.op == "output"]
    while stack:
        node = stack.pop()
        if node not in needed:
            needed.add(node)
            stack += node.all_input_nodes
    return needed


def _without_writing(node: torch.fx.Node) -> Any:
    """The function that gives a new tensor where this one writes into an old one: relu for relu_."""
    target: Any = node.target
    if not target._schema.is_mutable:
        return target
    namespace, _, name = target._schema.name.partition("::")
    packet = getattr(getattr(torch.ops, namespace), name.rstrip("_"), None)
    found = getattr(packet, target._overloadname, None)
    if found is None or found._schema.is_mutable:
        raise TraceError(f"{name} writes into a tensor{line_of(node)}, and has no form that does not; write y = f(x)")
    return found
