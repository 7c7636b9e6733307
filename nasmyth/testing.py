"""The conformance suites: what everything of a kind has to keep to. Call them on your own things, too.

    check_op(Conv(8), (3, 9, 9))                # raises AssertionError, which names the law that is broken
    check_block(mbconv(8), (4, 8, 8))
    check_space(space)
    check_networks(space)                       # builds some of them and runs them forward
    check_measure(params, graph)
    check_strategy(Evolution(population=8), space)

A file of ops or blocks lists examples for them, `EXAMPLES = [(Conv(8), (3, 9, 9)), ...]`: a value, then the shape of each
input without the batch. The tests run the suites over the examples of all that is registered.
"""

from __future__ import annotations

import ast
import inspect
import math
import pickle
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasmyth.errors import NasmythError
from nasmyth.export.verify import prepared
from nasmyth.graph.graph import Graph
from nasmyth.graph.op import Block, Op, buffer_count, mac_count, param_count
from nasmyth.graph.signature import Shape
from nasmyth.laws import check_measure, check_space, check_strategy
from nasmyth.laws import law as _law
from nasmyth.ops.counted import count, count_macs, count_saved
from nasmyth.record import Value, content_key, dumps, loads
from nasmyth.registry import Registry
from nasmyth.space.space import Space

__all__ = [
    "check_block",
    "check_measure",
    "check_networks",
    "check_onnx",
    "check_op",
    "check_space",
    "check_strategy",
    "check_value",
    "examples",
]

Example = tuple[Any, ...]
"""A value, and the shape of each input."""


def examples(registry: Registry[Any]) -> dict[str, list[Example]]:
    """The examples of every registered op or block by its name, found in the files that define them."""
    found: dict[str, list[Example]] = {}
    for name, cls in registry:
        files = {cls.__module__, getattr(getattr(cls, "module", None), "__module__", cls.__module__)}
        listed = [e for file in sorted(files) for e in getattr(sys.modules.get(file), "EXAMPLES", ())]
        found[name] = [example for example in listed if type(example[0]) is cls]
    return found


# --- values -------------------------------------------------------------------------------------------------------


def check_value(value: Value) -> None:
    """Equal values are one object: made again, through JSON, and through pickle."""
    fields = dict(zip(value.fields, value._values, strict=True))
    _law(type(value)(**fields) is value, value, "the same fields give another object")
    _law(loads(dumps(value)) is value, value, "JSON does not lead back to it")
    _law(_pickled(value) is value, value, "pickle does not lead back to it: define it at the top level of a file")
    _law(content_key(loads(dumps(value))) == content_key(value), value, "its key is not stable")


def _pickled(value: Value) -> Any:
    """What another process would receive; None if it could not be sent."""
    try:
        return pickle.loads(pickle.dumps(value))
    except (AttributeError, pickle.PicklingError):
        return None


# --- ops ----------------------------------------------------------------------------------------------------------


def check_op(op: Op, *shapes: Shape, onnx: bool = True) -> None:
    """Every law of an op on inputs of these shapes (without the batch). Raises AssertionError.

    Its inputs are random normal numbers. `onnx=False` leaves out the slowest law; `check_onnx` takes many ops at once.
    """
    check_value(op)
    if not buildable(op):
        _refuses_to_be_built(op, lambda: op.build(*shapes))
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for law in (_shape_as_declared, _costs_as_ruled, _source_stands_alone, _gradients_are_right):
            law(op, shapes)
    if onnx:
        check_onnx([(op, *shapes)])


def buildable(op: Op) -> bool:
    """Whether it has a module. An op may be declared without one: then it can be wired, keyed and drawn, and no more."""
    return type(op).module is not None


def _refuses_to_be_built(who: Value, build: Callable[[], object]) -> None:
    """What has no module infers its shape all the same, and says that it cannot be built, with an error of ours."""
    try:
        build()
    except NasmythError as error:
        _law("module" in str(error), who, f"its error says nothing of a module that is missing: {error}")
    else:
        _law(False, who, "is built, though it has no module")


def _shape_as_declared(op: Op, shapes: tuple[Shape, ...]) -> None:
    """The output has the inferred shape at any batch size and in any memory order, and examples keep to themselves."""
    module, inputs = _subject(op, shapes), _inputs(shapes, 3)
    with torch.no_grad():
        together = module(*inputs)
        wanted = op.infer(*shapes)
        _law(tuple(together.shape) == (3, *wanted), op, f"declares {wanted}, gives {tuple(together.shape)[1:]}")
        _law(bool(together.isfinite().all()), op, "gives numbers that are not finite")
        alone = module(*(x[:1] for x in inputs))
        _law(alone.shape[0] == 1, op, "does not take a batch of one")
        _close(op, "an example's output depends on the others in its batch", alone, together[:1])
        if any(x.dim() == 4 for x in inputs):
            module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            last = [x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x for x in inputs]
            _close(op, "channels-last inputs give something else", module(*last), together)


def _costs_as_ruled(op: Op, shapes: tuple[Shape, ...]) -> None:
    output, counted = op.infer(*shapes), count(op, shapes)
    rules = {"params": param_count, "buffers": buffer_count, "MACs": mac_count}
    for (what, rule), real in zip(rules.items(), counted, strict=True):
        ruled = rule(op, shapes, output)
        _law(ruled is None or ruled == real, op, f"the rule says {ruled} {what}, the module has {real}")


def _source_stands_alone(op: Op, shapes: tuple[Shape, ...]) -> None:
    """The class, pasted into a file that imports torch alone, does the same: what exports to plain PyTorch rely on."""
    cls: Any = type(op).module
    try:
        source = textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):  # written at a prompt: there is no source to export
        return
    (definition,) = ast.parse(source).body
    definition.decorator_list = []  # type: ignore[attr-defined]
    names: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "math": math}
    original, inputs = _subject(op, shapes), _inputs(shapes, 2)
    try:
        exec(ast.unparse(definition), names)  # noqa: S102  the op's own source
        pasted = names[cls.__name__](**op.arguments(*shapes)).double().eval()
        pasted.load_state_dict(original.state_dict())
        with torch.no_grad():
            output = pasted(*inputs)
    except NameError as error:
        raise AssertionError(
            f"{op}: its class may use torch, nn, F and math, and nothing else of its file: {error}"
        ) from None
    with torch.no_grad():
        _close(op, "its source does something else when pasted", output, original(*inputs))


def _gradients_are_right(op: Op, shapes: tuple[Shape, ...]) -> None:
    """In eval mode and float64, by inputs and parameters, against differences. Skipped where there is no gradient."""
    module, inputs = _subject(op, shapes), _inputs(shapes, 2)
    names = [name for name, _ in module.named_parameters()]
    variables = [x.requires_grad_() for x in inputs] + [p.detach().requires_grad_() for p in module.parameters()]

    def run(*values: Tensor) -> Any:
        weights = dict(zip(names, values[len(inputs) :], strict=True))
        return torch.func.functional_call(module, weights, values[: len(inputs)])

    if run(*variables).requires_grad:
        right = torch.autograd.gradcheck(run, tuple(variables), fast_mode=True, raise_exception=False)
        _law(right, op, "its gradient differs from finite differences")


def _subject(op: Op, shapes: tuple[Shape, ...]) -> nn.Module:
    """The op's module in float64 and eval mode, with nothing at its initial value."""
    module: nn.Module = op.build(*shapes)
    return _stir(module).double().eval()


@torch.no_grad()
def _stir(module: nn.Module) -> nn.Module:
    """Random parameters and norm statistics: a fresh network is too near to zero for comparisons to mean anything."""
    for parameter in module.parameters():
        parameter.add_(torch.randn_like(parameter), alpha=0.3)
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_()
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2.0)
    return module


def _inputs(shapes: Sequence[Shape], batch: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    return [torch.randn(batch, *shape, dtype=dtype) for shape in shapes]


# --- ONNX ---------------------------------------------------------------------------------------------------------


def check_onnx(things: Iterable[Example], tolerance: float = 1e-5) -> None:
    """The ops' modules give the same in ONNX Runtime, at another batch size than they were exported with.

    All go through one export, which takes little longer than one op does. Raises AssertionError, which names the ops.
    """
    things = [thing for thing in things if buildable(thing[0])]
    if not things:
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            broken = _onnx_differences(things, tolerance)
        except Exception as error:
            if len(things) > 1:  # which one was it?
                for thing in things:
                    check_onnx([thing], tolerance)
            raise AssertionError(f"{_names(things)}: cannot be exported to ONNX: {error}") from error
    _law(not broken, _names(things), f"ONNX Runtime disagrees: {'; '.join(broken)}")


class _SideBySide(nn.Module):
    """Several modules on inputs of their own, in one module, so that one export does for all."""

    def __init__(self, modules: list[nn.Module], takes: list[int]) -> None:
        super().__init__()
        self.parts, self.takes = nn.ModuleList(modules), takes

    def forward(self, *inputs: Tensor) -> list[Tensor]:
        outputs, start = [], 0
        for part, n in zip(self.parts, self.takes, strict=True):
            outputs.append(part(*inputs[start : start + n]) + 0)  # an output may not be an input itself
            start += n
        return outputs


def _onnx_differences(things: list[Example], tolerance: float) -> list[str]:
    import onnxruntime

    modules = [_stir(op.build(*shapes)).eval() for op, *shapes in things]
    shapes = [shape for _, *inputs in things for shape in inputs]
    model = _SideBySide(modules, [len(inputs) for _, *inputs in things]).eval()
    batch = torch.export.Dim("batch")
    dynamic = (tuple({0: batch} for _ in shapes),)
    with warnings.catch_warnings():  # the exporter warns of its own internals
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model, tuple(_inputs(shapes, 2, torch.float32)), dynamo=True, dynamic_shapes=dynamic, verbose=False
        )
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = _inputs(shapes, 5, torch.float32)
    fed = {given.name: x.numpy() for given, x in zip(session.get_inputs(), inputs, strict=True)}
    with torch.no_grad():
        pairs = zip(things, session.run(None, fed), model(*inputs), strict=True)
    return [
        f"{thing[0]!r} by {gap:.1e}"
        for thing, theirs, ours in pairs
        if not (gap := _gap(torch.from_numpy(theirs), ours)) <= tolerance
    ]


# --- blocks -------------------------------------------------------------------------------------------------------


def check_block(block: Any, input: Any) -> None:
    """Every law of a block, or of any template without holes, on an input of this shape, or on several by name.

    Raises AssertionError.
    """
    check_value(block)
    graph = Graph.of(block, input)
    if isinstance(block, Block):
        promised = block.promised(*(shape for name, shape in _read(block, graph)))
        _law(promised in (None, graph.output), block, f"promises {promised}, gives {graph.output}")
    _law(Graph.from_json(graph.to_json()).key == graph.key, block, "its graph does not survive JSON")
    if not can_be_built(graph):
        _refuses_to_be_built(block, lambda: Wired(graph))
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Wired(graph)
        _counts_as_built(block, graph, network)
        _trains(block, graph, network)


def _read(block: Block, graph: Graph) -> list[tuple[str, Shape]]:
    """What a block reads of the inputs of a graph: the first, and those that it names."""
    named = block.sentence.reads(1)
    return [(e.name, e.shape) for i, e in enumerate(graph.inputs) if i == 0 or e.name in named]


def _counts_as_built(block: Any, graph: Graph, network: Wired) -> None:
    network.eval()
    counted = (*count_saved(network), count_macs(network, tuple(entry.shape for entry in graph.inputs)))
    costs = graph.costs
    ruled = (costs.params, costs.buffers, costs.macs)
    _law(bool(costs.unknown) or ruled == counted, block, f"(params, buffers, MACs) by rule {ruled}, as built {counted}")


def _trains(block: Any, graph: Graph, network: Wired) -> None:
    """A training step reaches every parameter with a finite gradient, and one example alone can be evaluated."""
    output = network.train()(*prepared(graph, 4))
    _law(tuple(output.shape) == (4, *graph.output), block, f"gives {tuple(output.shape)[1:]}, not {graph.output}")
    if any(p.requires_grad for p in network.parameters()):
        output.square().sum().backward()
    for name, parameter in network.named_parameters():
        reached = parameter.grad is not None and bool(parameter.grad.isfinite().all())
        _law(reached, block, f"no finite gradient reaches {name}")
    with torch.no_grad():
        alone = network.eval()(*prepared(graph, 1))
    _law(bool(alone.isfinite().all()), block, "gives numbers that are not finite")


def check_networks(space: Space, samples: int = 10, seed: int = 0) -> None:
    """Random networks of a space, built and run forward: shapes and parameters as the graph says, finite numbers.

    Only for spaces whose ops can be built. Raises AssertionError, which names the genome.
    """
    rng = Random(seed)
    for _ in range(samples):
        genome = space.sample(rng)
        graph = space.decode(genome)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            network = Wired(graph).eval()
            output = network(*prepared(graph, 2))
        _law(tuple(output.shape) == (2, *graph.output), space, f"{genome} gives {tuple(output.shape)[1:]}")
        built = sum(parameter.numel() for parameter in network.parameters())
        counted = graph.costs.params
        ruled = bool(graph.costs.unknown) or built == counted
        _law(ruled, space, f"{genome} has {built} parameters, {counted} by rule")
        _law(bool(output.isfinite().all()), space, f"{genome} gives numbers that are not finite")


def can_be_built(graph: Graph) -> bool:
    """Whether every op has a module: those of a space over a table need none."""
    return all(buildable(node.op) for node in graph.nodes if node.inputs)


class Wired(nn.Module):
    """A graph's modules, run node by node: the plainest reading of a graph, for tests."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.nodes, self.first = graph.nodes, len(graph.inputs)
        self.layers = nn.ModuleDict()
        for node in self.nodes[self.first :]:
            if _key(node.address) not in self.layers:
                self.layers[_key(node.address)] = node.op.build(*(self.nodes[i].shape for i in node.inputs))

    def forward(self, *inputs: Tensor) -> Tensor:
        values = [*inputs]
        for node in self.nodes[self.first :]:
            values.append(self.layers[_key(node.address)](*(values[i] for i in node.inputs)))
        return values[-1]


def _key(address: str) -> str:
    return f"at {address}".replace(".", "/")


# --- saying what is broken ----------------------------------------------------------------------------------------


def _close(who: object, message: str, a: Tensor, b: Tensor) -> None:
    gap = _gap(a, b)
    _law(gap <= 1e-9, who, f"{message} (by {gap:.1e})")


def _gap(a: Tensor, b: Tensor) -> float:
    """The largest difference, relative to the largest number where that is above 1; infinite if shapes differ."""
    if a.shape != b.shape:
        return math.inf
    return float((a - b).abs().max() / b.abs().max().clamp(min=1.0)) if a.numel() else 0.0


def _names(things: Iterable[Example]) -> str:
    return ", ".join(repr(thing[0]) for thing in things)
