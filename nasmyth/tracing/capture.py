"""From a module to the list of the functions of PyTorch that it calls, by torch.export.

The module is run once on an example that holds no numbers. Its batch is a large prime, so that whatever is a multiple of
that prime later on, in a shape or among the arguments of a call, is the batch; nothing else is. So one run tells which
numbers grow with the batch, at the price of a program for one size.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nasmyth.errors import TraceError, warn
from nasmyth.network.pipeline import evaluating
from nasmyth.tracing.refusals import first_line, refusal_of

PRIMES = (1009, 1013, 1019, 1021, 1031, 10007)


class Captured(NamedTuple):
    """A program: its graph, what its placeholders stand for, which node is the answer, the prime, and the module."""

    graph: torch.fx.Graph
    held: dict[str, tuple[str, Tensor]]
    """(name in the module, tensor) of each placeholder that is a parameter, a buffer or a constant."""
    x: torch.fx.Node
    answer: torch.fx.Node
    batch: int
    module: Answer

    @property
    def originals(self) -> dict[str, Tensor]:
        """What the module holds, by its names."""
        return dict(self.held.values())

    def held_by_name(self, name: str) -> Tensor | None:
        """A buffer of the module that the program does not read."""
        path, _, own = name.rpartition(".")
        return dict(self.module.get_submodule(path).named_buffers(recurse=False)).get(own)


class Note:
    """What was seen on the way; torch.export resets the attributes of modules, and not those of other objects."""

    chosen = given = ""


def runs_operators(module: nn.Module) -> bool:
    """Whether a module is an ONNX file that was read, whose layers are below `layers`."""
    return hasattr(module, "runs_operators")


class Answer(nn.Module):
    """A module of which one result alone is read: the one asked for, "logits", or the first tensor of real numbers."""

    def __init__(self, module: nn.Module, output: str | int | None) -> None:
        super().__init__()
        self.module, self.output = module, output
        self.prefix = "module.layers" if runs_operators(module) else "module"
        self.note = Note()

    def path(self, path: str) -> str:
        """A place in this module as a place in the user's own."""
        return path.removeprefix(self.prefix).lstrip(".")

    def forward(self, x: Tensor) -> Tensor:
        found = _tensors(self.module(x))
        self.note.given = (
            ", ".join(f"{name or 'a tensor'} {tuple(t.shape[1:])}" for name, t in found.items()) or "no tensor"
        )
        if self.output is not None:
            name = (
                list(found)[self.output] if type(self.output) is int and self.output < len(found) else str(self.output)
            )
            if name not in found:
                raise TraceError(f"there is no output {self.output!r}; the module gives {self.note.given}")
        else:
            real = [name for name, tensor in found.items() if tensor.is_floating_point()]
            if not real:
                raise TraceError(
                    f"the module gives no tensor of real numbers but {self.note.given}; return one from forward"
                )
            name = "logits" if "logits" in real else real[0]
        self.note.chosen = name if len(found) > 1 and self.output is None else ""
        return found[name]


def _tensors(value: Any, name: str = "") -> dict[str, Tensor]:
    """The tensors in what a module gives, by their names: keys of a dict, fields of a record, numbers in a tuple."""
    if isinstance(value, Tensor):
        return {name: value}
    if isinstance(value, Mapping):
        items = [(str(key), part) for key, part in value.items()]
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        items = list(zip(value._fields, value, strict=True))
    elif isinstance(value, (list, tuple)):
        items = [(str(i), part) for i, part in enumerate(value)]
    elif is_dataclass(value):
        items = [(field.name, getattr(value, field.name)) for field in fields(value)]
    else:
        return {}  # a cache, a number, None
    return {n: tensor for key, part in items for n, tensor in _tensors(part, f"{name}.{key}".lstrip(".")).items()}


def capture(module: nn.Module, example: Tensor, output: str | int | None = None) -> Captured:
    """The program of a module for inputs like `example`, batch first, in evaluation mode. Raises TraceError."""
    if not isinstance(example, Tensor):
        raise TraceError(
            f"the example is a {type(example).__name__}; give one tensor with a batch axis, such as torch.randn(1, 3, "
            f"224, 224). "
            "A graph has one input: wrap a module that takes several in one that takes one and holds or computes the others"
        )
    if example.layout is not torch.strided:
        raise TraceError(
            f"the example is laid out as {example.layout}; give a dense tensor, such as example.to_dense()"
        )
    if example.dim() < 1:
        raise TraceError("the example is a number without axes; give a tensor with a batch axis first")
    batch = _prime(module, example)
    answer = Answer(module, output)
    with _plainly(answer), _quiet():
        program = _exported(answer, example, batch)
        if _aliased(program.graph):
            try:
                program = program.run_decompositions({})
            except Exception as error:
                raise TraceError(f"the module writes into parts of tensors: {first_line(error)}") from error
    if answer.note.chosen:
        warn(
            f"the module gives {answer.note.given}; the graph ends with {answer.note.chosen}. Say which with output=..."
        )
    held, x = _placeholders(program)
    return Captured(program.graph, held, x, _last(program), batch, answer)


def _prime(module: nn.Module, example: Tensor) -> int:
    taken = {n for tensor in (*module.parameters(), *module.buffers()) for n in tensor.shape}
    taken |= set(example.shape[1:])
    return next(prime for prime in PRIMES if not any(n % prime == 0 for n in taken if n))


def _exported(module: Answer, example: Tensor, batch: int) -> Any:
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    with FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True):
        x = torch.empty(batch, *example.shape[1:], dtype=example.dtype, device=example.device)
    try:
        with torch.no_grad():
            return torch.export.export(module, (x,), strict=False)
    except TraceError:
        raise
    except Exception as error:  # torch.export raises many kinds, most of them its own
        raise refusal_of(error, module.module) from error


# --- reading the program ------------------------------------------------------------------------------------------------


def _placeholders(program: Any) -> tuple[dict[str, tuple[str, Tensor]], torch.fx.Node]:
    held, inputs = {}, []
    for spec in program.graph_signature.input_specs:
        if spec.kind.name == "USER_INPUT":
            inputs.append(spec.arg.name)
            continue
        tensor = program.state_dict.get(spec.target)
        tensor = program.constants.get(spec.target) if tensor is None else tensor
        if isinstance(tensor, Tensor):
            held[spec.arg.name] = (spec.target, tensor)
    (x,) = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in inputs]
    return held, x


def _last(program: Any) -> torch.fx.Node:
    """The node of the answer; what changes in place comes before it, once that has been written out."""
    (last,) = [node for node in program.graph.nodes if node.op == "output"]
    specs = program.graph_signature.output_specs
    (found,) = [node for node, spec in zip(last.args[0], specs, strict=True) if spec.kind.name == "USER_OUTPUT"]
    return found


def _aliased(graph: torch.fx.Graph) -> bool:
    """Whether a tensor is changed in place while another name for its memory is read afterwards."""
    nodes = list(graph.nodes)
    number = {node: i for i, node in enumerate(nodes)}
    group: dict[torch.fx.Node, list[torch.fx.Node]] = {}
    for node in nodes:
        schema = getattr(node.target, "_schema", None)
        if schema is None or not node.args or not isinstance(node.args[0], torch.fx.Node):
            group[node] = [node]
            continue
        first = node.args[0]
        if schema.is_mutable:
            others = [other for other in group.get(first, []) if other is not first]
            if any(number[user] > number[node] for other in others for user in other.users):
                return True
            if others and not node.users:
                return True  # written through a view
            group[node] = [node]
        elif any(result.alias_info is not None for result in schema.returns):
            group[node] = group.setdefault(first, [first])
            group[node].append(node)
        else:
            group[node] = [node]
    return False


# --- circumstances ------------------------------------------------------------------------------------------------------


@contextmanager
def _plainly(module: nn.Module) -> Iterator[None]:
    """In evaluation mode, attention without its fused short cut, and everything as before afterwards."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with evaluating(module):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch.export says of itself."""
    loggers = [logging.getLogger(name) for name in ("torch.fx.experimental.symbolic_shapes", "torch.export", "torch")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
