"""Parts in a row, side by side, and again: `chain`, `residual`, `parallel`, `repeat`.

chain(stem=Conv(16), body=repeat(residual(BatchNorm(), Conv(16)), 3), head=Mean("h w"))
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph.combine import (
    Combine,
    Handle,
    Layout,
    Listed,
    Name,
    Parts,
    Reader,
    Step,
    one_name_each,
    refuse_no_template,
    row,
    split_row,
)
from nasmyth.graph.joins import Add, Identity, Zero, is_zero, joined
from nasmyth.kinds import shown
from nasmyth.record import Value, is_open


class Chain(Listed):
    """One part after another. Made by `chain`."""

    items: tuple[Value, ...]
    names: tuple[str | None, ...] = ()

    def check(self) -> None:
        one_name_each("chain", self.items, self.names)

    def part(self, i: int) -> Name:
        """What the i-th part is called in an address."""
        name = self.names[i] if self.names else None
        return i if name is None else name

    def parts(self) -> Parts:
        return row(self.items, self.part)

    def with_parts(self, parts: Sequence[Any]) -> Chain:
        return Chain.of((split_row(self.items, parts)[0], self.names))

    def lay(self, inputs: int) -> Layout:
        steps: list[Step] = [(item, (inputs + i - 1,), self.part(i)) for i, item in enumerate(self.items)]
        if not steps:
            return Layout(steps, 0, inputs == 1)
        steps[0] = (self.items[0], tuple(range(inputs)), steps[0][2])
        distinct = not self.names or len({name for _, _, name in steps}) == len(steps)
        return Layout(steps, inputs + len(steps) - 1, distinct)


class Parallel(Combine):
    """Several parts on the same input, joined by an op of many inputs. Made by `parallel` and `residual`."""

    branches: tuple[Value, ...]
    join: Value = Add()
    names: tuple[str, ...] = ()

    def check(self) -> None:
        one_name_each("parallel", self.branches, self.names)

    def part(self, i: int) -> Name:
        return self.names[i] if self.names else i

    def parts(self) -> Parts:
        return (*row(self.branches, self.part), ("join", self.join))

    def with_parts(self, parts: Sequence[Any]) -> Parallel:
        branches, (join,) = split_row(self.branches, parts)
        return Parallel.of((branches, join, self.names))

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        summed = isinstance(self.join, Add)
        live = [(i, b) for i, b in enumerate(self.branches) if not (summed and is_zero(b, len(inputs)))]
        if not live:
            return go(Zero(), inputs, "join")
        return joined(go, self.join, tuple([go(branch, inputs, self.part(i)) for i, branch in live]), "join")


MOST_COPIES = 10_000


def checked_count(count: Any) -> int:
    """How often something is repeated: a whole number of at least 0, and not beyond all bounds. Raises SpaceError."""
    if type(count) is not int or count < 0:
        raise SpaceError(f"repeat(..., {shown(count)}): the count must be a whole number of at least 0")
    if count > MOST_COPIES:
        raise SpaceError(f"repeat(..., {shown(count)}): at most {MOST_COPIES:,} copies are made of anything")
    return count


class Repeat(Combine):
    """`count` independent copies one after another, or one body applied `count` times (`tied`). Made by `repeat`.

    Copies are filled one by one, so that each makes its own decisions. A body that is applied again must keep its input's
    shape, since one set of weights fits one shape.
    """

    body: Value
    count: Any
    tied: Any = False

    def check(self) -> None:
        if not isinstance(self.count, Value):
            checked_count(self.count)
        if type(self.tied) is not bool:
            raise SpaceError(
                f"repeat(..., tied={self.tied!r}): tied is True or False; choose between two repeats instead"
            )

    @property
    def unsettled(self) -> bool:
        return is_open(self.count)

    def parts(self) -> Parts:
        if self.unsettled:
            return (("count", self.count),)
        if self.tied:
            return (("tied", self.body),) if self.count else ()
        return tuple(zip(range(self.count), itertools.repeat(self.body), strict=False))

    def with_parts(self, parts: Sequence[Any]) -> Combine:
        if self.unsettled:
            return Repeat.of((self.body, *parts, self.tied))
        if self.tied and self.count:
            return Repeat.of((*parts, self.count, True))
        return Chain.of((tuple(parts), ()))

    def wire(self, go: Reader, inputs: tuple[Handle, ...]) -> Handle:
        for i in range(self.count):
            output = go(self.body, inputs, "tied" if self.tied else i)
            if self.tied and self.count > 1 and go.shape(output) != go.shape(inputs[0]):
                raise ShapeError(
                    f"repeat(..., tied=True): {self.body!r} makes {go.shape(output)} of {go.shape(inputs[0])}, and what is "
                    "applied again must keep its shape; leave out tied=True for copies with weights of their own"
                )
            inputs = (output,)
        return inputs[0]


# --- what users write ---------------------------------------------------------------------------------------------


def chain(*items: Any, **named: Any) -> Any:
    """One template after another; keywords give their part a name in addresses."""
    refuse_no_template((*items, *named.values()), "chain")
    names = (*(None for _ in items), *named) if named else ()
    return Chain((*items, *named.values()), names)


def residual(*items: Any) -> Any:
    """x + items(x). The items together must keep the shape (He et al. 2016, arXiv:1512.03385)."""
    refuse_no_template(items, "residual")
    body = items[0] if len(items) == 1 else Chain(items)
    return Parallel((Identity(), body), Add(), ("skip", "body"))


def parallel(*branches: Any, join: Any = Add(), **named: Any) -> Any:  # noqa: B008  Add() is a frozen value
    """Several templates on one input, joined by `join` (Add(), Concat(), Multiply())."""
    refuse_no_template((*branches, *named.values()), "parallel")
    if named and branches:
        raise SpaceError("parallel(): name all branches or none")
    if len(branches) == 1 and getattr(branches[0], "plural", False):
        return Parallel(branches[0], join)  # one hole that stands for all branches: parallel(subset(2, ...))
    return Parallel(branches or tuple(named.values()), join, tuple(named))


def repeat(body: Any, count: Any, tied: bool = False) -> Any:
    """`count` copies of `body`, each with its own decisions and weights; `tied`: one copy applied `count` times."""
    refuse_no_template((body,), "repeat")
    return Repeat(body, count, tied)
