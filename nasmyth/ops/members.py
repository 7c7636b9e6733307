"""Many networks in one: members that share the large matrices and differ by factors, each with a head of its own.

    chain(Columns(...), Flatten(), Members(16), Linear(64), Activation("relu"), MemberHead(10))      # TabM mini
    chain(Columns(...), Flatten(), Members(16), MemberLinear(64), Activation("relu"), MemberHead(10))       # TabM

TabM (Gorishniy et al. 2024, arXiv:2410.24210) is an MLP of k members over BatchEnsemble's layers (Wen et al. 2020,
arXiv:2002.06715). Each member is trained by a loss of its own; what is answered is the mean of what they answer. Between
`Members` and `MemberHead` an example has k rows of features, "b k d", and ops over the last axis (Linear, Activation,
Dropout, TokenBatchNorm) are what all members share.

In training the members' answers come one below the other, as if the batch were larger: row i m + j is that of the j-th of
the m members that example i trains. A loss whose rows are a multiple of the targets repeats the targets (`Task.loss`), so
that the mean over all rows is the mean of the members' losses. m is k, as in TabM; fewer make steps cheaper, and with m=1
the members share the batch out among them.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError
from nasmyth.graph.fan_in import fan_ins
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import nothing

ANSWERS = ("classes", "values")


def _at_most_all(members: Any) -> None:
    if isinstance(members.each, int) and isinstance(members.k, int) and not 0 <= members.each <= members.k:
        raise SpaceError(f"{members!r}: each example trains 1 to {members.k} members, or 0 for all of them")


@op("b d -> b k d", check=_at_most_all, weights={"scale": "k d"})
class Members(nn.Module):
    """k copies of an example, each feature times a factor of that member's: x r_k, where r starts as random signs (the
    adapter that TabM mini keeps; Gorishniy 2024, arXiv:2410.24210, section 3.3).

    each: how many members an example trains, 0 for all. Where the batch cannot be shared out evenly, all are trained.
    """

    def __init__(self, d: int, k: int = 16, each: int = 0) -> None:
        super().__init__()
        self.k, self.each = k, each or k
        self.scale = nn.Parameter(torch.randint(0, 2, (k, d)) * 2.0 - 1.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and self.each < self.k and x.shape[0] * self.each % self.k == 0:
            return x.repeat_interleave(self.each, 0).reshape(-1, self.k, x.shape[1]) * self.scale
        return x[:, None] * self.scale


@op("b k d -> b k out", weights={"weight": "out d", "inner": "k d", "outer": "k out", "bias": "k out"})
class MemberLinear(nn.Module):
    """One matrix for all members, between factors of each member's: s_k (W (r_k x)) + b_k (BatchEnsemble, Wen 2020,
    arXiv:2002.06715, equation 5). The factors start at 1, as TabM's do behind the first layer."""

    def __init__(self, k: int, d: int, out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, d) * math.sqrt(2 / d))
        self.inner = nn.Parameter(torch.ones(k, d))
        self.outer = nn.Parameter(torch.ones(k, out))
        self.bias = nn.Parameter(torch.zeros(k, out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x * self.inner, self.weight) * self.outer + self.bias


def _known_answers(head: Any) -> None:
    if isinstance(head.answers, str) and head.answers not in ANSWERS:
        raise SpaceError(f"{head!r}: answers is 'classes' (the mean of probabilities) or 'values' (the mean of values)")


@op("b k d -> b out", check=_known_answers, weights={"weight": "k d out", "bias": "k out"})
class MemberHead(nn.Module):
    """A linear layer for each member, and the mean of what they answer: W_k x_k + b_k (TabM's k heads; Gorishniy 2024).

    answers: "classes" gives the logarithm of the mean of the members' probabilities, logits whose softmax is that mean;
        "values" gives the mean of the values. In training it gives the answer of each, (b k) out.
    """

    def __init__(self, k: int, d: int, out: int, answers: str = "classes") -> None:
        super().__init__()
        self.answers = answers
        bound = 1 / math.sqrt(d)
        self.weight = nn.Parameter(torch.empty(k, d, out).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(k, out).uniform_(-bound, bound))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        each = torch.einsum("bkd,kdo->bko", x, self.weight) + self.bias
        if self.training:
            return each.flatten(0, 1)
        if self.answers == "values":
            return each.mean(1)
        return each.log_softmax(2).logsumexp(1) - math.log(each.shape[1])


@param_count.register(Members)
def _(members: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[0] * output[1]


@param_count.register(MemberLinear)
def _(linear: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    (k, d), out = inputs[0], output[1]
    return out * d + k * (d + 2 * out)


@param_count.register(MemberHead)
def _(head: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    k, d = inputs[0]
    return k * (d + 1) * output[0]


mac_count.register(Members, nothing)


@mac_count.register(MemberLinear)
def _(linear: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Those of the matrix, once for each member; factors count nothing, as all that scales does."""
    return math.prod(inputs[0]) * output[1]


@mac_count.register(MemberHead)
def _(head: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return math.prod(inputs[0]) * output[0]


@fan_ins.register(MemberHead)
def _(head: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[float, ...]:
    """Each member's own; their mean is no layer."""
    return (float(inputs[0][1]),)


EXAMPLES = [
    (Members(3), (5,)),
    (Members(4, each=2), (5,)),
    (MemberLinear(5), (3, 4)),
    (MemberHead(2), (3, 4)),
    (MemberHead(2, "values"), (3, 4)),
]
