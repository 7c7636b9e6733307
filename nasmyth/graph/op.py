"""An op is one layer, written down before anyone knows what will flow through it.

A layer is an `nn.Module` class and one sentence about shapes. `@op` joins the two into a frozen value:

    @op("b c h w -> b out h/stride w/stride")
    class Conv(nn.Module):
        def __init__(self, c: int, out: int, kernel: int = 3, stride: int = 1): ...

    Conv(out=32, stride=2)                          # a value: the decision, without weights and without input width
    Conv(out=32, stride=2).infer((3, 224, 224))     # (32, 112, 112)
    Conv(out=32, stride=2).build((3, 224, 224))     # the nn.Module, built with c=3

The argument `c` names an axis that stands alone on the left of the arrow, so it is read from the input. Everything else
is a design choice: a field of the value, which may hold a hole (`Conv(out=choice(16, 32))`).

`@block` does the same for a function that returns a template of ops. Its arguments are told apart by the same rule, and
its body runs once the input is known, so that it may compute with widths:

    @block("b l d -> b l d")
    def mlp(d, expand=4):
        return chain(Linear(d * expand), Activation("gelu"), Linear(d))

Costs are rules beside the op, dispatched on its class: see `param_count`, `buffer_count`, `mac_count` and `state_count`.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, singledispatch
from typing import Any, ClassVar

from nasmyth.errors import FieldError, NasmythError, ShapeError, SignatureError
from nasmyth.graph.signature import Shape, Signature, checked_shape, parse
from nasmyth.kinds import shown
from nasmyth.record import FIELD_ERRORS, Value
from nasmyth.registry import Registry, subclass


@contextmanager
def computing(who: Value, what: str, kinds: tuple[type[Exception], ...] = FIELD_ERRORS) -> Iterator[None]:
    """Code of an op or block runs inside, which may have been written for other fields: whatever it raises is a FieldError.

    What says that there is too little memory stays as it is: that is no fault of the fields.
    """
    try:
        yield
    except kinds as error:
        if isinstance(error, NasmythError) or "memory" in str(error):
            raise
        raise FieldError(f"{shown(who)}: {what}: {type(error).__name__}: {error}") from error


class Shaped(Value, abstract=True):
    """What ops and blocks share: a signature, and fields that its names refer to."""

    signature: ClassVar[str | Callable[[Any], str]]
    reads: ClassVar[tuple[str, ...]] = ()
    """Constructor arguments that are read from the input."""

    @property
    def parsed_signature(self) -> Signature:
        """The parsed signature of this very value."""
        text = type(self).signature
        return parse(text if isinstance(text, str) else text(self))

    def solve(self, *shapes: Shape) -> dict[str, Any]:
        """Lengths of the axes named on the left, and the fields. Raises ShapeError if the shapes do not fit."""
        known = dict(zip(self.fields, self.field_values, strict=True))
        return {**known, **self.parsed_signature.solve(shapes, known, self)}

    def arguments(self, *shapes: Shape) -> dict[str, Any]:
        """Everything the constructor needs: the fields, and what is read from the input."""
        axes = self.solve(*shapes)
        return {name: axes[name] for name in (*self.reads, *self.fields)}


WeightAxes = Mapping[str, str]
Said = str | Callable[[Any], str]


class Op(Shaped, abstract=True):
    """One layer: a frozen value with a shape signature. Made by `@op`."""

    module: ClassVar[type | None] = None
    """The `nn.Module` class that carries it out."""
    commutative: ClassVar[bool] = False
    """Whether the order of its inputs is of no consequence."""
    weight_axes: ClassVar[WeightAxes | Callable[[Any], WeightAxes] | None] = None
    """The axes of its parameters and saved buffers, in the names of its signature; None if they are to be found."""
    ordered_axes: ClassVar[Said] = ""
    """Names of axes whose places are not alike, such as the rows of an image for a convolution."""
    mixed_axes: ClassVar[Said] = ""
    """Names of axes of input and output along which a number that comes out depends on more than its own place."""

    def said(self, what: str) -> Any:
        """What its class says, where that is a function of the very value: `said("ordered_axes")`."""
        text = getattr(type(self), what)
        return text(self) if callable(text) else text

    @cached_property
    def _inferred(self) -> dict[tuple[Shape, ...], Shape]:
        return {}

    def infer(self, *shapes: Shape) -> Shape:
        """The output's shape for inputs of these shapes (all without the batch). Raises ShapeError."""
        known = self._inferred
        shape = known.get(shapes)
        if shape is None:
            with computing(self, f"its output for {shapes} cannot be told"):
                shape = known[shapes] = checked_shape(self._infer(*shapes), self)
        return shape

    def _infer(self, *shapes: Shape) -> Shape:
        return self.parsed_signature.result(self.solve(*shapes), self)

    def build(self, *shapes: Shape) -> Any:
        """The `nn.Module` for inputs of these shapes, with fresh weights."""
        self.infer(*shapes)  # refuses shapes that do not fit, with a better message than the module's
        if self.module is None:
            raise ShapeError(f"{self!r} has no module that could be built")
        with computing(self, f"cannot be built for {shapes}", (*FIELD_ERRORS, RuntimeError, AssertionError)):
            return self.module(**self.arguments(*shapes))


def op(
    signature: str | Callable[[Any], str],
    *,
    commutative: bool = False,
    infer: Callable[..., Shape] | None = None,
    check: Callable[[Any], None] | None = None,
    name: str | None = None,
    weights: WeightAxes | Callable[[Any], WeightAxes] | None = None,
    ordered: Said = "",
    mixes: Said = "",
) -> Callable[[type], type[Op]]:
    """Turn an `nn.Module` class into an op of the language.

    signature: the sentence, or a function from the op to it where its axes depend on a field.
    infer: `infer(op, *shapes) -> shape` where the output cannot be said in a sentence; then the signature has no arrow.
    check: `check(op)` raises if the fields do not go together; a field may hold a hole, which is no error.
    weights: the axes of each parameter and saved buffer in the names of the signature: {"weight": "out n kernel kernel"}.
        Left out, they are found by building the module at two sizes (see `ops/found/weights.py`).
    ordered, mixes: names of axes whose places are not alike, and of those along which the output depends on more than
        the same place of the input (see `graph/op_axes.py`). Each of the three may be a function of the op. An op of yours that
        says none of them is run to see.
    """

    def define(module: type) -> type[Op]:
        ops.refuse_taken(name or module.__name__, module)
        built = module.__init__  # type: ignore[misc]
        reads, fields = _arguments(built, signature, skip_self=True)
        space: dict[str, Any] = {"signature": signature, "reads": reads, "module": module, "commutative": commutative}
        space |= {"weight_axes": weights, "ordered_axes": ordered, "mixed_axes": mixes}
        if infer is not None:
            space["_infer"] = infer
        if check is not None:
            space["check"] = check
        made: type[Op] = _define(Op, name or module.__name__, module, built, fields, space)
        return ops.add(made.__name__, made)

    return define


WIDEST = 1_000_000
"""Numbers that the body of a block computes with, such as its layers and widths, are at most that."""


class Block(Shaped, abstract=True):
    """A template of ops with a signature of its own. Made by `@block`."""

    body: ClassVar[Callable[..., Any]]

    @cached_property
    def _unfolded(self) -> dict[tuple[Shape, ...], Any]:
        return {}

    def unfold(self, *shapes: Shape) -> Any:
        """The template of ops for inputs of these shapes."""
        known = self._unfolded
        body = known.get(shapes)
        if body is None:
            huge = [
                f
                for f, value in zip(self.fields, self.field_values, strict=True)
                if type(value) is int and value > WIDEST
            ]
            if huge:
                raise FieldError(
                    f"{shown(self)}: {huge[0]} is above {WIDEST:,}, and a body is made of so many parts at most"
                )
            with computing(self, f"cannot be unfolded for {shapes}"):
                body = known[shapes] = type(self).body(**self.arguments(*shapes))
        return body

    def declared_output(self, *shapes: Shape) -> Shape | None:
        """The output shape that the signature declares."""
        parsed = self.parsed_signature
        return None if parsed.output is None else parsed.result(self.solve(*shapes), self)


def block(signature: str, *, name: str | None = None) -> Callable[[Callable[..., Any]], type[Block]]:
    """Turn a function that returns a template into a block of the language (see the top of this file)."""

    def define(body: Callable[..., Any]) -> type[Block]:
        blocks.refuse_taken(name or body.__name__, body)
        reads, fields = _arguments(body, signature, skip_self=False)
        space = {"signature": signature, "reads": reads, "body": staticmethod(body)}
        made: type[Block] = _define(Block, name or body.__name__, body, body, fields, space)
        return blocks.add(made.__name__, made)

    return define


def _arguments(
    function: Callable[..., Any], signature: str | Callable[[Any], str], skip_self: bool
) -> tuple[tuple[str, ...], dict[str, inspect.Parameter]]:
    """Split a constructor's arguments into those read from the input and the fields."""
    alone = parse(signature).read if isinstance(signature, str) else frozenset()
    parameters = list(inspect.signature(function).parameters.values())[1 if skip_self else 0 :]
    reads: list[str] = []
    fields: dict[str, inspect.Parameter] = {}
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            if function is object.__init__ or (skip_self and [p.name for p in parameters] == ["args", "kwargs"]):
                return (), {}  # a class without a constructor of its own
            raise SignatureError(
                f"{function.__qualname__}: *{parameter.name} cannot be a design choice; name each argument"
            )
        if parameter.name in alone:
            reads.append(parameter.name)
        else:
            fields[parameter.name] = parameter
    return tuple(reads), fields


def _define(
    base: type[Shaped],
    name: str,
    origin: Any,
    function: Callable[..., Any],
    fields: dict[str, inspect.Parameter],
    space: dict[str, Any],
) -> Any:
    """The class of an op or block. Its fields are annotated as the arguments of the function are."""
    taken = sorted(set(fields) & {n for n in dir(base) if not n.startswith("__")} - set(base.fields))
    if taken:
        raise SignatureError(
            f"{origin.__qualname__}: an argument cannot be called {taken[0]!r}, every {base.__name__} has that"
        )
    empty = inspect.Parameter.empty
    space["__annotations__"] = {n: Any if p.annotation is empty else p.annotation for n, p in fields.items()}
    space.update({n: p.default for n, p in fields.items() if p.default is not empty})
    space.update(__module__=origin.__module__, __qualname__=origin.__qualname__, __doc__=origin.__doc__)
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    return types.new_class(name, (base,), {"scope": scope}, lambda body: body.update(space))


ops: Registry[type[Op]] = Registry("ops", subclass(Op, "a class under @op"))
blocks: Registry[type[Block]] = Registry("blocks", subclass(Block, "a function under @block"))


# --- rules about ops ----------------------------------------------------------------------------------------------
# Each is a function dispatched on the op's class: `@mac_count.register(Conv)`. None means "no rule": measures then count
# once by building the module and running it.


@singledispatch
def param_count(op: Op, inputs: tuple[Shape, ...], output: Shape) -> int | None:
    """Learnable numbers in the op's module."""
    return None


@singledispatch
def buffer_count(op: Op, inputs: tuple[Shape, ...], output: Shape) -> int | None:
    """Numbers that are saved with the module and not learned, such as running means."""
    return 0


@singledispatch
def state_count(op: Op, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Numbers that its module keeps for one example between the places of a sequence, after the last of them, where it takes
    them one by one: the state of a recurrence, the keys and values of attention."""
    return 0


@singledispatch
def mac_count(op: Op, inputs: tuple[Shape, ...], output: Shape) -> int | None:
    """Multiply-accumulates for one example. One multiplication with its addition is one MAC; bias, norms, activations,
    pooling and joins count nothing, as is usual in the literature."""
    return None


@singledispatch
def active_params(op: Op, inputs: tuple[Shape, ...], output: Shape) -> int | None:
    """Learnable numbers that one place of an input meets: all of them, but where an op chooses among its own."""
    return param_count(op, inputs, output)
