"""The shape signature: one sentence that types, binds, infers and explains.

    "b c h w -> b out h/stride w/stride"       a strided convolution
    "b l d=(heads k) -> b l d"                 attention: d must split into `heads` equal parts
    "b c (h p) (w p) -> b (h w) d"             patches of p by p become a sequence
    "b ..., * -> b ..."                        a sum of any number of equal shapes
    "b ... n, b ... d, * -> b ... d"           one input, and any number of others that are alike
    "b n d, edges: b 2 e -> b n out"           the graph's input called `edges` is handed in as well
    "b l d, mask?: b l -> b l d"               and `mask` where the graph has one

Left of the arrow stand the inputs, right of it the output. `b` is the batch and never part of a shape here. An axis is
a name, a number, a product in brackets, or `name=(product)`; `...` stands for any axes; `*` for more inputs like the
one before it. Inputs with a name come after those without; at most the last of them may be missing (`?`). On the right,
names may be combined with `/` (ceiling division, as strides do), `*`, `+` and `-`, from left to right, and `(...)` is
all axes of `...` as one. Equal names are one axis and must have one length.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from functools import cache
from operator import index
from typing import Any, NamedTuple

from nasmyth.errors import ShapeError, SignatureError
from nasmyth.kinds import shown
from nasmyth.units import is_whole

Shape = tuple[int, ...]
Axes = dict[str, Any]
"""Solved lengths by axis name; "..." holds a tuple of lengths."""

LARGEST = 10**10
"""Numbers that one example of one tensor may have: 40 GB of them, which nothing here could hold."""

_TOKEN = re.compile(r"(?:([A-Za-z_]\w*)=)?\(([^()]*)\)|\.\.\.|[^\s()]+")
_NAME = re.compile(r"[A-Za-z_]\w*")
_NAMED = re.compile(r"\s*([A-Za-z_]\w*)(\??)\s*:(.*)", re.DOTALL)
_EXPRESSION = re.compile(r"(?:[A-Za-z_]\w*|[0-9]+)(?:[-+*/](?:[A-Za-z_]\w*|[0-9]+))*")


class Axis(NamedTuple):
    """One axis of an input or the output: its factors (one, unless it is a product) and its name if it has one."""

    factors: tuple[str, ...]
    name: str = ""

    def __str__(self) -> str:
        if self == ALL:
            return "(...)"
        text = self.factors[0] if len(self.factors) == 1 else f"({' '.join(self.factors)})"
        return f"{self.name}={text}" if self.name and self.factors != (self.name,) else text


ELLIPSIS = Axis(("...",))
ALL = Axis(("...",), "...")
"""All axes of the ellipsis as one: "b ... -> b (...)"."""


class Signature(NamedTuple):
    """A parsed signature. `output` is None where an op infers its output by a function."""

    text: str
    inputs: tuple[tuple[Axis, ...], ...]
    variadic: bool
    output: tuple[Axis, ...] | None
    named: tuple[str, ...] = ()
    """What the last of the inputs are called: they are inputs of the whole graph."""
    optional: bool = False
    """Whether the last of them may be missing."""

    def reads(self, given: int) -> tuple[str, ...]:
        """The names of the graph's inputs that are to be handed in behind so many others, which may stand in for the first of
        them."""
        nameless = len(self.inputs) - len(self.named)
        return self.named[given - nameless :] if given >= nameless else ()

    @property
    def read(self) -> frozenset[str]:
        """Names that stand alone on the left: constructor arguments of these names are read from the input."""
        return frozenset(axis.name for axes in self.inputs for axis in axes if axis.name)

    def solve(self, shapes: tuple[Shape, ...], known: Mapping[str, Any], who: object) -> Axes:
        """The length of every axis named on the left. Raises ShapeError, which names `who`."""
        axes: Axes = {}
        patterns = self.inputs
        if self.variadic:
            patterns += (self.inputs[-1],) * (len(shapes) - len(self.inputs))
        elif self.optional and len(shapes) == len(patterns) - 1:
            patterns = patterns[:-1]
        if len(shapes) != len(patterns):
            raise self._count_error(len(shapes), who)
        for shape, pattern in zip(shapes, patterns, strict=True):
            self._match(shape, pattern, known, axes, who)
        return axes

    def _count_error(self, given: int, who: object) -> ShapeError:
        if self.reads(given):
            wanted = " and ".join(map(repr, self.named[: len(self.named) - self.optional]))
            return ShapeError(
                f"{who}: reads {wanted} ({self.text}), and the graph has no input of that name; name it where the graph is "
                "made: input={'x': shape, " + repr(self.named[0]) + ": Spec(shape, dtype)}"
            )
        takes = f"{len(self.inputs)}{' or more' * self.variadic} input{'s' * (len(self.inputs) > 1)}"
        return ShapeError(f"{who}: takes {takes} ({self.text}), got {given}; join branches with parallel(..., join=)")

    def _match(
        self, shape: Shape, pattern: tuple[Axis, ...], known: Mapping[str, Any], axes: Axes, who: object
    ) -> None:
        if ELLIPSIS in pattern:
            before = pattern.index(ELLIPSIS)
            after = len(pattern) - before - 1
            if len(shape) < before + after:
                raise self._rank_error(shape, pattern, who)
            middle = len(shape) - after
            self._agree("...", shape[before:middle], axes, who)
            pairs = [
                *zip(shape[:before], pattern, strict=False),
                *zip(shape[middle:], pattern[before + 1 :], strict=True),
            ]
        else:
            if len(shape) != len(pattern):
                raise self._rank_error(shape, pattern, who)
            pairs = list(zip(shape, pattern, strict=True))
        for length, axis in pairs:
            if axis.name:
                self._agree(axis.name, length, axes, who)
        for length, axis in pairs:  # once all that stands alone is known
            if axis.factors != (axis.name,):
                self._split(length, axis, known, axes, who)

    def _split(self, length: int, axis: Axis, known: Mapping[str, Any], axes: Axes, who: object) -> None:
        """Divide a product's length by the factors that are known; at most one may be unknown."""
        product, unknown = 1, []
        for factor in axis.factors:
            size = int(factor) if is_whole(factor) else known.get(factor, axes.get(factor))
            if size is None:
                unknown.append(factor)
            else:
                product *= size
        if len(unknown) > 1:
            raise SignatureError(f"{who}: axis {axis} has two unknown factors: {' and '.join(unknown)} ({self.text})")
        if not unknown and product != length:
            raise ShapeError(
                f"{who}: axis {axis} must have length {product}, got {length}; make what comes before give {product}"
            )
        if unknown:
            if product == 0 or length % product:
                hint = "".join(_divisors(f, known[f], length) for f in axis.factors if known.get(f) == product)
                raise ShapeError(f"{who}: axis {axis} has length {length}, not a multiple of {product}{hint}")
            self._agree(unknown[0], length // product, axes, who)

    def _agree(self, name: str, length: Any, axes: Axes, who: object) -> None:
        if axes.setdefault(name, length) != length:
            what = "the axes ..." if name == "..." else f"axis {name}"
            verb = "are" if name == "..." else "is"
            raise ShapeError(
                f"{who}: {what} {verb} {axes[name]} in one place and {length} in another ({self.text}); make them equal"
            )

    def _rank_error(self, shape: Shape, pattern: tuple[Axis, ...], who: object) -> ShapeError:
        wanted = " ".join(map(str, pattern))
        return ShapeError(
            f"{who}: takes the axes ({wanted}) after the batch, got {len(shape)} axes of lengths {shape}; "
            "reshape or pool before it"
        )

    def result(self, axes: Mapping[str, Any], who: object) -> Shape:
        """The output shape, once every name is known."""
        assert self.output is not None
        shape: list[int] = []
        for axis in self.output:
            if axis == ELLIPSIS:
                shape.extend(axes["..."])
                continue
            if axis == ALL:
                shape.append(math.prod(axes["..."]))
                continue
            if axis.name and axis.factors != (axis.name,):
                length = _evaluate(axis.name, axes, who)
                self._split(length, axis, axes, dict(axes), who)
            else:
                length = math.prod(_evaluate(factor, axes, who) for factor in axis.factors)
            if length < 1:
                raise ShapeError(
                    f"{who}: axis {axis} would have length {length}; every axis must be at least 1 ({self.text})"
                )
            shape.append(length)
        return tuple(shape)


def checked_shape(shape: Iterable[Any], who: object) -> Shape:
    """A shape as a tuple of whole numbers. Raises ShapeError where it has another form, or room for more than LARGEST."""
    lengths = tuple(shape)
    if not all(type(n) is int for n in lengths):
        lengths = tuple([n if type(n) is bool or type(n) is str else index(n) for n in lengths])
    if not all(type(n) is int and n >= 0 for n in lengths):
        raise ShapeError(f"{who}: a shape is a tuple of whole numbers, got {shown(lengths)}")
    if math.prod(lengths) > LARGEST:
        raise ShapeError(f"{who}: one example of shape {shown(lengths)} is more than {LARGEST:,} numbers")
    return lengths


def _divisors(name: str, wanted: int, length: int) -> str:
    """ "; try p=14 or p=16": the divisors of a length on either side of what was asked for."""
    if length > 100_000:
        return ""  # too many to look through
    divisors = [n for n in range(1, length + 1) if length % n == 0]
    near = [*[n for n in divisors if n < wanted][-1:], *[n for n in divisors if n > wanted][:1]]
    return f"; try {' or '.join(f'{name}={n}' for n in near)}"


def _evaluate(expression: str, axes: Mapping[str, Any], who: object) -> int:
    parts = re.split(r"([-+*/])", expression)
    value = _operand(parts[0], axes, who)
    for operator, text in zip(parts[1::2], parts[2::2], strict=True):
        operand = _operand(text, axes, who)
        if operator == "/":
            if operand < 1:
                raise ShapeError(f"{who}: {text} must be at least 1, got {operand}")
            value = -(-value // operand)
        else:
            value = value * operand if operator == "*" else value + operand if operator == "+" else value - operand
    return value


def _operand(text: str, axes: Mapping[str, Any], who: object) -> int:
    if is_whole(text):
        return int(text)
    length = axes.get(text)
    if type(length) is not int:
        raise ShapeError(f"{who}: {text} must be a whole number to be an axis, got {length!r}")
    return length


@cache
def parse(text: str) -> Signature:
    """Read a signature. Raises SignatureError, which points at what cannot be read."""
    left, arrow, right = text.partition("->")
    inputs = [part.strip() for part in left.split(",")]
    variadic = inputs[-1] == "*" and len(inputs) > 1
    named, optional = _names(inputs, text)
    inputs = [part.partition(":")[2] if _NAMED.match(part) else part for part in inputs]
    patterns = tuple(_axes(part, text) for part in (inputs[:-1] if variadic else inputs))
    output = _axes(right, text, expressions=True) if arrow else None
    if output is not None and {ELLIPSIS, ALL} & set(output) and not any(ELLIPSIS in pattern for pattern in patterns):
        raise SignatureError(f"{text!r}: ... stands on the right but not on the left")
    return Signature(text, patterns, variadic, output, named, optional)


def _names(inputs: list[str], text: str) -> tuple[tuple[str, ...], bool]:
    """The names that the last inputs have, and whether the very last may be missing. Raises SignatureError."""
    found = [_NAMED.match(part) for part in inputs]
    named = [match for match in found if match]
    names = tuple(match[1] for match in named)
    if not all(found[len(found) - len(named) :]) or len(set(names)) < len(names) or (named and found[0]):
        raise SignatureError(f"{text!r}: inputs with a name come last, behind one without, each with a name of its own")
    if any(match[2] for match in named[:-1]):
        raise SignatureError(f"{text!r}: only the last input may be missing (?)")
    return names, bool(named and named[-1][2])


def _axes(part: str, text: str, expressions: bool = False) -> tuple[Axis, ...]:
    tokens = list(_TOKEN.finditer(part))
    if _TOKEN.sub("", part).strip():
        raise SignatureError(f"{text!r}: cannot read {_TOKEN.sub('', part).strip()!r}; brackets do not nest")
    allowed = _EXPRESSION if expressions else re.compile(rf"{_NAME.pattern}|[0-9]+")
    axes = []
    for token in tokens:
        if token[0] == "...":
            axes.append(ELLIPSIS)
            continue
        if expressions and token[0] == "(...)":
            axes.append(ALL)
            continue
        factors = tuple(token[2].split()) if token[2] is not None else (token[0],)
        for factor in factors:
            if not allowed.fullmatch(factor):
                raise SignatureError(
                    f"{text!r}: cannot read {factor!r}; an axis is a name, a number or a product (a b)"
                )
        alone = factors[0] if len(factors) == 1 and token[2] is None and _NAME.fullmatch(factors[0]) else ""
        axes.append(Axis(factors, token[1] or alone))
    if not axes or axes[0] not in (Axis(("b",), "b"), ELLIPSIS):
        raise SignatureError(f"{text!r}: every side starts with the batch axis b, or with ...")
    if axes.count(ELLIPSIS) > 1:
        raise SignatureError(f"{text!r}: ... may stand only once in {part.strip()!r}")
    return tuple(axes[1:]) if axes[0].name == "b" else tuple(axes)
