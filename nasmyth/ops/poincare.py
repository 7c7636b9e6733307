"""Layers whose features are points of the Poincaré ball, the hyperbolic space of curvature -c inside the radius 1 / sqrt(c).

    chain(ToBall(), PoincareConv(16), PoincareBatchNorm(), Activation("relu"), ..., FromBall(), Mean("h w"), Linear(10))

The channels of every pixel (or the features of a vector) are one point (Poincaré ResNet, van Spengler 2023, arXiv:2303.14027).
With u = 2 x / (1 - c|x|^2), the point has the coordinates (t, u) on the hyperboloid, t = sqrt(1 + c|u|^2), and x = u / (1 + t).

Points never leave the ball. Where rounding would bring one to its edge, or what comes in lies outside, the point on the
same ray at 0.996 of the radius is taken: a check of values would cost a copy to the host at every layer and cannot be
exported. So what is given to these layers is to come from `ToBall`. An activation that shrinks (relu) keeps points inside.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nasmyth.errors import SpaceError, nearest
from nasmyth.graph.op import mac_count, op, param_count
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import weightless

INITS = ("identity", "normal")


def curved(ball: Any) -> None:
    """Raise SpaceError for a ball that is none."""
    c = ball.curvature
    if isinstance(c, (int, float)) and not 0 < c < math.inf:
        raise SpaceError(
            f"{ball!r}: the space has curvature -curvature, which is above 0; the layers of 0 are plain ones"
        )


def _known_layer(layer: Any) -> None:
    curved(layer)
    if isinstance(layer.init, str) and layer.init not in INITS:
        raise SpaceError(f"{layer!r}: init is one of {', '.join(INITS)}{nearest(layer.init, INITS)}")
    if type(kernel := getattr(layer, "kernel", 1)) is int and (kernel < 1 or kernel % 2 == 0):
        raise SpaceError(f"{layer!r}: kernel is an odd number, so that a pixel is in the middle of its patch")


@op("b c ... -> b c ...", check=curved, mixes="c")
class ToBall(nn.Module):
    """The exponential map at the origin: tanh(sqrt(c)|v|) v / (sqrt(c)|v|). Makes points of plain features."""

    def __init__(self, curvature: float = 1.0) -> None:
        super().__init__()
        self.root = math.sqrt(curvature)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        norm = self.root * torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp(min=1e-7)
        return x * (norm.tanh().clamp(max=0.996) / norm)


@op("b c ... -> b c ...", check=curved, mixes="c")
class FromBall(nn.Module):
    """The logarithm at the origin, the inverse of `ToBall`: plain features of points."""

    def __init__(self, curvature: float = 1.0) -> None:
        super().__init__()
        self.root = math.sqrt(curvature)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        norm = self.root * torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp(min=1e-7)
        return x * (norm.clamp(max=0.996).atanh() / norm)


@op("b c ..., b c ... -> b c ...", check=curved, mixes="c")
class MobiusAdd(nn.Module):
    """The sum of the ball, x + y moved by x: in the order in which they come, since y + x is another point (Ganea 2018,
    arXiv:1805.09112). Joins a residual: `parallel(skip=..., body=..., join=MobiusAdd())`."""

    def __init__(self, curvature: float = 1.0) -> None:
        super().__init__()
        self.curvature = curvature

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        c, x, y = self.curvature, self.inside(x), self.inside(y)
        xx, yy, xy = (c * (a * b).sum(1, keepdim=True) for a, b in ((x, x), (y, y), (x, y)))
        return self.inside(((1 + 2 * xy + yy) * x + (1 - xx) * y) / (1 + 2 * xy + xx * yy))

    def inside(self, x: torch.Tensor) -> torch.Tensor:
        """The point itself, or the one at 0.996 of the radius towards it."""
        most = 0.996 / math.sqrt(self.curvature)
        return x * (most / torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp(min=most))


@op("b c -> b out", check=_known_layer, weights={"weight": "out c", "bias": "out"})
class PoincareLinear(nn.Module):
    """A linear layer of the ball (Shimizu 2021, arXiv:2006.08210; van Spengler 2023, arXiv:2303.14027).

    Every number that goes out is a signed distance of the point to a hyperplane with normal z_k and offset r_k (`weight`,
    `bias`): v_k = 2 |z_k| / sqrt(c) asinh(sqrt(c) <u, z_k> / |z_k| cosh(2 sqrt(c) r_k) - t sinh(2 sqrt(c) r_k)), and the
    point goes out whose u is sinh(sqrt(c) v) / sqrt(c).

    init: "identity" is half of the identity matrix, with which points, hence norms, stay what they are; where out is above c it
        starts again at the first channel, smaller. "normal" is that of the earlier paper, standard deviation 1 / sqrt(2 c out).
    """

    def __init__(self, c: int, out: int, init: str = "identity", curvature: float = 1.0) -> None:
        super().__init__()
        self.root = math.sqrt(curvature)
        self.weight = nn.Parameter(torch.zeros(out, c))
        self.bias = nn.Parameter(torch.zeros(out))
        with torch.no_grad():
            if init == "identity":
                self.weight[torch.arange(out), torch.arange(out) % c] = 0.5 * min(1.0, math.sqrt(c / out))
            else:
                self.weight.normal_(std=1 / math.sqrt(2 * c * out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        u = self.inside(self.root * x)
        u = 2 * u / (1 - u.square().sum(1, keepdim=True))
        t = (1 + u.square().sum(1, keepdim=True)).sqrt()
        length = torch.linalg.vector_norm(self.weight, dim=1).clamp(min=1e-7)
        offset = 2 * self.root * self.bias
        v = 2 * length * (F.linear(u, self.weight) / length * offset.cosh() - t * offset.sinh()).asinh()
        w = v.clamp(-20, 20).sinh()
        return self.inside(w / (1 + (1 + w.square().sum(1, keepdim=True)).sqrt())) / self.root

    def inside(self, x: torch.Tensor) -> torch.Tensor:
        """Of the ball of radius 1, the point itself, or the one at 0.996 towards it."""
        return x * (0.996 / torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp(min=0.996))


@op(
    "b c h w -> b out h/stride w/stride",
    check=_known_layer,
    weights={"weight": "out c kernel kernel", "bias": "out"},
    ordered="kernel",
)
class PoincareConv(nn.Module):
    """A convolution of the ball: `PoincareLinear` on the patch around each pixel as one point (van Spengler 2023,
    arXiv:2303.14027). What is padded is the origin.

    init: "identity" is half of the identity matrix at the middle of the kernel, with which points stay what they are.

    Departure: the points of a patch become one by putting their u side by side, the direct concatenation of the hyperboloid
    (Bdeir 2024, arXiv:2303.15919); the authors put scaled tangent vectors at the origin side by side, so that the identity
    is no fixed kernel. This way the patch is never laid out: it takes one plain convolution.
    """

    def __init__(
        self, c: int, out: int, kernel: int = 3, stride: int = 1, init: str = "identity", curvature: float = 1.0
    ) -> None:
        super().__init__()
        self.root, self.stride, self.padding = math.sqrt(curvature), stride, kernel // 2
        self.weight = nn.Parameter(torch.zeros(out, c, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out))
        with torch.no_grad():
            if init == "identity":
                middle = self.weight[:, :, kernel // 2, kernel // 2]
                middle[torch.arange(out), torch.arange(out) % c] = 0.5 * min(1.0, math.sqrt(c / out))
            else:
                self.weight.normal_(std=1 / math.sqrt(2 * c * kernel**2 * out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        u = self.inside(self.root * x)
        u = 2 * u / (1 - u.square().sum(1, keepdim=True))
        length = torch.linalg.vector_norm(self.weight.flatten(1), dim=1).clamp(min=1e-7)[:, None, None]
        offset = 2 * self.root * self.bias[:, None, None]
        inner = F.conv2d(u, self.weight, None, self.stride, self.padding) / length
        v = 2 * length * (inner * offset.cosh() - self.time(u) * offset.sinh()).asinh()
        w = v.clamp(-20, 20).sinh()
        return self.inside(w / (1 + (1 + w.square().sum(1, keepdim=True)).sqrt())) / self.root

    def time(self, u: torch.Tensor) -> torch.Tensor:
        """t of each patch: its |u|^2 is the sum of those of its pixels."""
        kernel = self.weight.shape[2]
        mean = F.avg_pool2d(u.square().sum(1, keepdim=True), kernel, self.stride, self.padding)
        return (1 + kernel**2 * mean).sqrt()

    def inside(self, x: torch.Tensor) -> torch.Tensor:
        """Of the ball of radius 1, the point itself, or the one at 0.996 towards it."""
        return x * (0.996 / torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp(min=0.996))


weightless(ToBall, FromBall, MobiusAdd)


@param_count.register(PoincareLinear)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[0] * (inputs[0][0] + 1)


@param_count.register(PoincareConv)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    params: int = output[0] * (inputs[0][0] * layer.kernel**2 + 1)
    return params


@mac_count.register(PoincareLinear)
@mac_count.register(PoincareConv)
def _(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    """Those of the plain layer; what leads to the hyperboloid and back is elementwise."""
    macs: int = math.prod(output) * inputs[0][0] * getattr(layer, "kernel", 1) ** 2
    return macs


EXAMPLES = [
    (ToBall(), (4, 3, 3)),
    (ToBall(curvature=0.5), (4,)),
    (FromBall(), (4, 3, 3)),
    (MobiusAdd(), (4, 3), (4, 3)),
    (MobiusAdd(curvature=0.3), (4,), (4,)),
    (PoincareLinear(6), (4,)),
    (PoincareLinear(3, init="normal", curvature=0.4), (4,)),
    (PoincareConv(5), (3, 5, 4)),
    (PoincareConv(4, kernel=5, stride=2, init="normal", curvature=0.4), (3, 6, 5)),
]
