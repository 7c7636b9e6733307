"""Ops that need no torch, and templates of them drawn at random, for the tests of graphs, spaces and strategies."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from nasmyth.graph import Add, Identity, Op, Zero, block, cell, chain, parallel, repeat, residual
from nasmyth.graph.op import buffer_count, mac_count, ops, param_count
from nasmyth.space import choice, integer, maybe, real, subset

SHAPE = (4, 8, 8)


class Wide(Op):
    """A toy convolution."""

    signature = "b c h w -> b out h/stride w/stride"
    out: Any
    kernel: Any = 3
    stride: Any = 1


class Tag(Op):
    """Keeps the shape; two tags of different `label` are different layers. Costs a number a channel."""

    signature = "b c h w -> b c h w"
    label: Any = 0
    factor: Any = 1


class Flat(Op):
    """Whatever comes in, a vector of `n`."""

    signature = "b ... -> b n"
    n: Any = 10


@param_count.register(Wide)
def _(op, inputs, output):
    return inputs[0][0] * op.out * op.kernel**2


@mac_count.register(Wide)
def _(op, inputs, output):
    return inputs[0][0] * op.out * op.kernel**2 * output[1] * output[2]


@param_count.register(Tag)
def _(op, inputs, output):
    return output[0] * op.factor


@buffer_count.register(Tag)
def _(op, inputs, output):
    return 2 * output[0]


@mac_count.register(Tag)
def _(op, inputs, output):
    return output[0] * output[1] * output[2] * op.factor


@param_count.register(Flat)
@mac_count.register(Flat)
def _(op, inputs, output):
    return op.n


for _op in (Wide, Tag, Flat):
    ops.add(_op.__name__, _op)


@block("b c h w -> b c h w")
def toy_bottle(c, expand=2, kernel=3):
    return residual(Wide(c * expand, kernel=kernel), Wide(c, kernel=1))


NAMED = (integer(1, 3, name="w"), choice(1, 3, 5, name="k"))
"""Numbers that may turn up anywhere."""
COUNTS = (integer(0, 2, name="n"), choice(1, 3, name="m"), choice(0, 2), integer(1, 2), 2, 0)
TIED = choice(Tag("tied"), toy_bottle(expand=choice(1, 2)), Zero(), name="op")


@st.composite
def numbers(draw: Any, reals: bool = False) -> Any:
    """A number, a hole for one, or arithmetic on named ones."""
    pool = [st.just(1), st.just(choice(1, 2)), st.just(integer(1, 5, 2)), st.sampled_from(NAMED)]
    pool += [st.sampled_from([2 * NAMED[0], NAMED[0] + NAMED[1], 7 - NAMED[1], choice(1, 2 * NAMED[0])])]
    pool += [st.just(real(1e-3, 1.0, log=True))] if reals else []
    return draw(st.one_of(pool))


@st.composite
def templates(draw: Any, depth: int = 3, reals: bool = False) -> Any:
    """A template that keeps the shape of an image, with holes of every kind. No two leaves in it are alike."""
    labels = iter(range(1000))

    def leaf() -> Any:
        kind = draw(st.integers(0, 3))
        if kind == 0:
            return Tag(next(labels), draw(numbers(reals)))
        if kind == 1:
            return toy_bottle(expand=draw(numbers()), kernel=draw(st.sampled_from([1, 3, choice(1, 3), NAMED[1]])))
        return TIED if kind == 2 else Tag(next(labels))

    def distinct(n: int, depth: int) -> list[Any]:
        """Several, each of its own."""
        return [chain(Tag(next(labels)), part(depth)) for _ in range(n)]

    def part(depth: int) -> Any:
        kind = draw(st.integers(0, 8)) if depth else 0
        if kind == 0:
            return leaf()
        if kind == 1:
            return chain(*distinct(draw(st.integers(1, 3)), depth - 1))
        if kind == 2:
            return residual(part(depth - 1))
        if kind == 3:
            return choice(*distinct(draw(st.integers(2, 3)), depth - 1))
        if kind == 4:
            return maybe(chain(Tag(next(labels)), part(depth - 1)))
        if kind == 5:
            return repeat(chain(Tag(next(labels)), part(depth - 1)), draw(st.sampled_from(COUNTS)), draw(st.booleans()))
        if kind == 6:
            return parallel(subset(draw(st.integers(1, 2)), *distinct(3, depth - 1)))
        if kind == 7:
            return parallel(*distinct(2, depth - 1), join=Add())
        edge = choice(Zero(), Identity(), Tag(next(labels)))
        return cell(2, edge, pick=draw(st.sampled_from([None, lambda edges, j: subset(1, *edges)])))

    return chain(part(depth), Tag("end"))
