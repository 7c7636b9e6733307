"""What enters a graph: one or several named inputs, each with the shape of one example and a type of numbers.

    checked_inputs((3, 32, 32))                                                     # one input: floats, called "x"
    checked_inputs({"x": (2708, 1433), "edges": Spec((2, 10556), "int")})           # two; the first flows into the template

An op reads one of the others by the name that it has in its sentence: "b n d, edges: b 2 e -> b n out".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple

from nasmyth.errors import NasmythError, ShapeError
from nasmyth.graph.signature import Shape, checked_shape
from nasmyth.kinds import shown

DTYPES = ("float", "int", "bool")
"""Real numbers, whole numbers (codes, places), truths."""
USUAL = "x"
"""What an input is called that has been given no name."""
MOST_INPUTS = 64


class Spec(NamedTuple):
    """The shape of one example, without the batch, and what it holds: "float", "int" or "bool"."""

    shape: Shape
    dtype: str = "float"


class Entry(NamedTuple):
    """One input of a graph."""

    name: str
    shape: Shape
    dtype: str = "float"

    def __str__(self) -> str:
        return f"{self.name}: {self.shape}" + (f" of {self.dtype}" if self.dtype != "float" else "")


class Inputs(tuple[Entry, ...]):
    """All inputs of a graph in order, checked. Made by `checked_inputs`."""

    @cached_property
    def plain(self) -> bool:
        """Whether there is but one, of floats, without a name of its own: what most networks take."""
        return len(self) == 1 and self[0].name == USUAL and self[0].dtype == "float"

    @cached_property
    def shape(self) -> Shape:
        """The shape of the first, which flows into the template."""
        return self[0].shape

    @cached_property
    def named(self) -> tuple[tuple[str, Shape], ...]:
        """What ops can read by name: nothing where the only input has none."""
        return () if self.plain else tuple((entry.name, entry.shape) for entry in self)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in self)

    def to_json(self) -> list[Any]:
        """A list of lengths where there is one plain input, else of [name, lengths, dtype]."""
        return list(self.shape) if self.plain else [[e.name, list(e.shape), e.dtype] for e in self]

    def __str__(self) -> str:
        return str(self.shape) if self.plain else ", ".join(map(str, self))


def checked_inputs(given: Any) -> Inputs:
    """A shape, or a mapping from names to shapes or `Spec`s, as Inputs. Raises ShapeError."""
    if isinstance(given, Inputs):
        return given
    if not isinstance(given, Mapping):
        return Inputs((Entry(USUAL, checked_input(given)),))
    if not 0 < len(given) <= MOST_INPUTS:
        raise ShapeError(f"input={shown(given)}: name 1 to {MOST_INPUTS} inputs")
    return Inputs(tuple(_entry(name, spec) for name, spec in given.items()))


def _entry(name: Any, given: Any) -> Entry:
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
        raise ShapeError(f"input: {shown(name)} is no name of an input; a word such as 'edges' is")
    spec = given if isinstance(given, Spec) else Spec(given)
    if spec.dtype not in DTYPES:
        raise ShapeError(f"input {name!r}: there are no inputs of {shown(spec.dtype)}; use one of {', '.join(DTYPES)}")
    return Entry(name, checked_input(spec.shape), spec.dtype)


def checked_input(shape: Any) -> Shape:
    """The shape of one example as a tuple of whole numbers above 0. Raises ShapeError."""
    wrong = f"input={shown(shape)}: give the shape of one example without the batch, such as (3, 224, 224)"
    if not isinstance(shape, Iterable) or isinstance(shape, (str, bytes, Mapping)):
        raise ShapeError(wrong)
    with suppress(TypeError):
        lengths = checked_shape(shape, "the input")
        if 0 not in lengths:
            return lengths
    raise ShapeError(wrong)


def inputs_of(data: Any, what: str) -> Inputs:
    """What enters a graph or a space, as its JSON says it. Raises NasmythError."""
    if not isinstance(data, dict):
        raise NasmythError(f"{what} is read from an object with its input, got {shown(data)}")
    given = data.get("input")
    if not isinstance(given, (list, tuple)):
        raise NasmythError(f"{what} says what shape enters it, a list such as [3, 32, 32], got {shown(given)}")
    if not given or not all(isinstance(entry, (list, tuple)) for entry in given):
        return checked_inputs(given)
    if not all(len(entry) == 3 and isinstance(entry[0], str) for entry in given):
        raise NasmythError(f"{what} lists its inputs as [name, lengths, dtype], got {shown(given)}")
    if len({entry[0] for entry in given}) < len(given):
        raise NasmythError(f"{what} has two inputs of one name: {shown(given)}")
    return checked_inputs({name: Spec(shape, dtype) for name, shape, dtype in given})
