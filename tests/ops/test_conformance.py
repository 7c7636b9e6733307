"""The conformance suite itself: each law notices an op that breaks it."""

import pytest
import torch
from torch import nn

from nasmyth.graph.op import mac_count, op, ops, param_count
from nasmyth.testing import check_onnx, check_op, check_value

torch.set_num_threads(1)

SCALE = 2.0
REGISTERED = set(ops._items)


@op("b d -> b d")
class Longer(nn.Module):
    def forward(self, x):
        return torch.cat((x, x), 1)


@op("b d -> b d")
class Centred(nn.Module):
    def forward(self, x):
        return x - x.mean(0)


@op("b d -> b out")
class MiscountedParams(nn.Linear):
    def __init__(self, d: int, out: int) -> None:
        super().__init__(d, out)


@op("b d -> b out")
class MiscountedMacs(nn.Linear):
    def __init__(self, d: int, out: int) -> None:
        super().__init__(d, out)


param_count.register(MiscountedParams, lambda op, inputs, output: 1)
mac_count.register(MiscountedMacs, lambda op, inputs, output: 1)


@op("b d -> b d")
class Remembering(nn.Module):
    def __init__(self, d: int) -> None:
        super().__init__()
        self.register_buffer("offset", torch.ones(d))

    def forward(self, x):
        return x + self.offset


@op("b d -> b d")
class Leaning(nn.Module):
    def forward(self, x):
        return x * SCALE


@op("b d -> b d")
class Detached(nn.Module):
    def forward(self, x):
        return x + x.detach()


@op("b d -> b d")
class Fine(nn.Module):
    def forward(self, x):
        return x + 1


@op("b d -> b d")
class Frozen(nn.Module):
    def forward(self, x):
        return x * len(x)  # in an export, the batch size of that day for ever


for _name in set(ops._items) - REGISTERED:  # they are broken: not for others to find
    del ops._items[_name]


@pytest.mark.parametrize("broken, message", [
    (Longer(), r"Longer\(\): declares \(4,\), gives \(8,\)"),
    (Centred(), "depends on the others in its batch"),
    (MiscountedParams(3), "the rule says 1 params, the module has 15"),
    (MiscountedMacs(3), "the rule says 1 MACs, the module has 12"),
    (Remembering(), "the rule says 0 buffers, the module has 4"),
    (Leaning(), "nothing else of its file.*SCALE"),
    (Detached(), "its gradient differs"),
])  # fmt: skip
def test_broken_law_is_named(broken, message):
    with pytest.raises(AssertionError, match=message):
        check_op(broken, (4,), onnx=False)


def test_onnx_failure_names_the_op():
    with pytest.raises(AssertionError, match=r"^Frozen\(\): "):
        check_onnx([(Fine(), (3,)), (Frozen(), (3,))])


def test_an_op_that_other_processes_cannot_find():
    @op("b d -> b d")
    class Local(nn.Module):
        def forward(self, x):
            return x

    del ops._items["Local"]
    with pytest.raises(AssertionError, match="top level of a file"):
        check_value(Local())
