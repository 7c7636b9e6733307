"""What ops say of their axes is held to their modules, and what an op of a user's does not say is found."""

import pytest
import torch
from torch import nn

from nasmyth import ops as catalogue
from nasmyth.graph.op import op, ops
from nasmyth.graph.op_axes import op_axes
from nasmyth.ops.found.weights import found, saved_shapes
from nasmyth.testing import examples
from nasmyth.testing.axes import check_axes

torch.set_num_threads(1)
REGISTERED = set(ops._items)


@op("b l d=(heads k) -> b l d", weights={"weight": "(k heads 3) d"}, mixes="l d")
class WrongProduct(nn.Module):
    def __init__(self, d: int, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.weight = nn.Parameter(torch.randn(3 * d, d))

    def forward(self, x):
        q, k, v = (x @ self.weight.t()).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


@op("b d -> b d", mixes="")
class Plain(nn.Module):
    def forward(self, x):
        return 2 * x


@op("b d -> b d", weights={})
class Rolled(nn.Module):
    def forward(self, x):
        return x.roll(1, 1)


@op("b d -> b d", weights={})
class Centred2(nn.Module):
    def forward(self, x):
        return x - x.mean(1, keepdim=True)


@op("b d -> b d", mixes="d")
class OnlySaid(nn.Module):
    def forward(self, x):
        return x + 1


@op("b d -> b d", weights={"scale": "1"})
class WrongLength(nn.Module):
    def __init__(self, d: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(d))

    def forward(self, x):
        return x * self.scale


@op("b c h w -> b out h w")
class OneByOne(nn.Module):
    """Says nothing of its axes."""

    def __init__(self, c: int, out: int, inner: int = 4) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(c, inner, 1), nn.Conv2d(inner, out, 1)
        self.register_buffer("seen", torch.zeros(out))

    def forward(self, x):
        return self.b(self.a(x))


@op("b c h w -> b c h w")
class Smeared(nn.Module):
    """Says nothing of its axes, of which the last two are ordered."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(c, 1, 1))

    def forward(self, x):
        return (x + x.roll(1, 3)).cumsum(2) * self.scale


for _name in set(ops._items) - REGISTERED:
    del ops._items[_name]


def test_every_registered_op_keeps_the_laws_of_axes():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        count = 0
        for listed in examples(ops).values():
            for value, *shapes in listed:
                if value.module is not None:
                    check_axes(value, tuple(shapes))
                    count += 1
    assert count > 120


@pytest.mark.parametrize("broken, message", [
    (WrongProduct(), "another function where places of (heads|k) are exchanged"),
    (Rolled(), "another function where places of d are exchanged.*declare ordered='d'"),
    (Centred2(), "depends on other places of its input: declare mixes='d'"),
    (OnlySaid(), "declares that it mixes d, and does not"),
    (WrongLength(), r"has the weights \{'scale': \(4,\)\}, and its axes say \{'scale': \(1,\)\}"),
])  # fmt: skip
def test_what_is_not_so_is_named(broken, message):
    shapes = ((3, 4),) if isinstance(broken, WrongProduct) else ((4,),)
    with pytest.raises(AssertionError, match=message):
        check_axes(broken, shapes)


def test_plain_ops_pass():
    check_axes(Plain(), ((4,),))


def test_weights_of_an_op_that_says_nothing_are_found():
    assert found(OneByOne(6), ((3, 2, 2),)) == {
        "a.weight": "inner c 1 1", "a.bias": "inner", "b.weight": "out inner 1 1", "b.bias": "out", "seen": "out",
    }  # fmt: skip
    axes = op_axes(OneByOne(6), ((3, 2, 2),), (6, 2, 2))
    assert not axes.fixed.keys() & {"c", "out", "inner"}


def test_order_of_an_op_that_says_nothing_is_seen():
    axes = op_axes(Smeared(), ((4, 3, 5),), (4, 3, 5))
    assert axes.fixed.keys() >= {"h", "w"} and "c" not in axes.fixed
    assert [axis.name for axis in axes.weights["scale"]] == ["c", "1", "1"]


def test_what_is_found_is_what_is_declared_where_no_product_is():
    """Two ways to the same sentence."""
    compared = 0
    for listed in examples(ops).values():
        for value, *shapes in listed:
            declared = value.said("weight_axes")
            if declared and value.module is not None:
                seen = found(value, tuple(shapes))
                for name, said in declared.items():
                    if "(" not in said and " 34" not in said:
                        assert len(seen[name].split()) == len(said.split())
                        same = [a == b or a.isdecimal() for a, b in zip(seen[name].split(), said.split(), strict=True)]
                        assert all(same) or "*" in seen[name], (value, name, seen[name], said)
                        compared += 1
    assert compared > 40


def test_saved_shapes_need_no_memory():
    huge = catalogue.Linear(200_000)
    assert saved_shapes(huge, ((200_000,),))["weight"] == (200_000, 200_000)
