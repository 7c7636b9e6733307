"""Functions that layers are made of, rather than layers: arithmetic, means and deviations, a learned vector.

They are the primitives of EvoNorm (Liu et al. 2020, arXiv:2004.02967, table 2): all keep the shape of an image, so that any
of them may follow any other. Logarithms and roots are of the absolute value and keep the sign. By our convention they count
no MACs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nasmyth.errors import ShapeError, SpaceError, nearest
from nasmyth.graph.op import buffer_count, mac_count, op, param_count
from nasmyth.graph.op_axes import OpAxes, by_sentence, op_axes
from nasmyth.graph.signature import Shape
from nasmyth.ops.rules import nothing, weightless

FUNCTIONS = ("neg", "exp", "log", "abs", "square", "sqrt")
MOMENTS = ("mean", "rms", "std")
OVER = ("batch", "instance", "layer", "group")


def _known_function(function: Any) -> None:
    if isinstance(function.kind, str) and function.kind not in FUNCTIONS:
        raise SpaceError(
            f"{function!r}: kind is one of {', '.join(FUNCTIONS)}{nearest(function.kind, FUNCTIONS)}; "
            "sigmoid and tanh are Activation(...)"
        )


def _known_moment(moment: Any) -> None:
    for field, known in (("kind", MOMENTS), ("over", OVER)):
        value = getattr(moment, field)
        if isinstance(value, str) and value not in known:
            raise SpaceError(f"{moment!r}: {field} is one of {', '.join(known)}{nearest(value, known)}")


def _whole_groups(moment: Any, *shapes: Shape) -> Shape:
    shape: Shape = moment.parsed_signature.result(moment.solve(*shapes), moment)
    if moment.over == "group" and shape[0] % moment.groups:
        raise ShapeError(
            f"{moment!r}: {shape[0]} channels are no {moment.groups} equal groups; make groups divide them"
        )
    return shape


@op("b ... -> b ...", check=_known_function)
class Function(nn.Module):
    """An elementwise function by its name; `log` is sign(x) ln|x|, `sqrt` is sign(x) times the root of |x|."""

    def __init__(self, kind: str = "neg") -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.kind == "log":
            return x.sign() * x.abs().clamp(min=1e-12).log()
        if self.kind == "sqrt":
            return x.sign() * x.abs().clamp(min=1e-12).sqrt()
        return {"neg": torch.neg, "exp": torch.exp, "abs": torch.abs, "square": torch.square}[self.kind](x)

    def extra_repr(self) -> str:
        return self.kind


@op("b ..., b ... -> b ...")
class Divide(nn.Module):
    """The first over the second, which is kept from zero by `least`."""

    def __init__(self, least: float = 1e-6) -> None:
        super().__init__()
        self.least = least

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x / torch.where(y < 0, y.clamp(max=-self.least), y.clamp(min=self.least))


@op("b ..., * -> b ...", commutative=True)
class Maximum(nn.Module):
    """The largest of any number of equal shapes, element by element."""

    def forward(self, x: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        for other in others:
            x = torch.maximum(x, other)
        return x


@op("b c h w -> b c h w", weights={"value": "c"})
class Learned(nn.Module):
    """A learned number for each channel, at every pixel, whatever comes in."""

    def __init__(self, c: int, start: float = 1.0) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.full((c,), start))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.value.clone()[:, None, None].expand_as(x)


@op("b ... -> b ...")
class Constant(nn.Module):
    """The same number everywhere, whatever comes in. Unlike `Zero()`, `Constant(0)` is a term that is there."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.full_like(x, self.value)


def _running(moment: Any) -> dict[str, str]:
    return {"running_mean" if moment.kind == "mean" else "running_var": "c"} if moment.over == "batch" else {}


def _taken_over(moment: Any) -> str:
    return {"batch": "", "instance": "h w", "group": "n h w"}.get(moment.over, "c h w")


@op("b c h w -> b c h w", infer=_whole_groups, check=_known_moment, weights=_running, mixes=_taken_over)
class Moment(nn.Module):
    """A mean, root mean square or deviation of an image, at every pixel that it was taken over.

    over: "batch" (all of a channel; running averages in eval mode, as `BatchNorm` keeps them), "instance" (a channel of one
    example), "layer" (one example), "group" (a group of channels of one example). `eps` is added below roots.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(
        self, c: int, kind: str = "std", over: str = "batch", groups: int = 8, eps: float = 1e-5, momentum: float = 0.1
    ) -> None:
        super().__init__()
        self.kind, self.over, self.eps, self.momentum = kind, over, eps, momentum
        self.groups = {"layer": 1, "group": groups}.get(over, c)
        if over == "batch":
            self.register_buffer(
                "running_mean" if kind == "mean" else "running_var", torch.full((c,), float(kind != "mean"))
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, c = x.shape[:2]
        if self.over == "batch":
            return self.of_batch(x)[:, None, None].expand_as(x)
        parts = x.reshape(b, self.groups, -1)
        found = self.of(parts, 2)
        return found[:, :, None].expand(b, self.groups, c // self.groups).reshape(b, c, 1, 1).expand_as(x)

    def of(self, x: torch.Tensor, dims: int | tuple[int, ...]) -> torch.Tensor:
        if self.kind == "mean":
            return x.mean(dims)
        squares = x.square().mean(dims) if self.kind == "rms" else x.var(dims, unbiased=False)
        return (squares + self.eps).sqrt()

    def of_batch(self, x: torch.Tensor) -> torch.Tensor:
        dims = (0, 2, 3)
        if self.kind == "mean":
            found = x.mean(dims) if self.training else self.running_mean
            if self.training:
                self.running_mean.lerp_(found.detach(), self.momentum)
            return found
        if not self.training:
            return (self.running_var + self.eps).sqrt()
        if self.kind == "rms":
            found = kept = x.square().mean(dims)
        else:
            n = x.numel() // x.shape[1]
            found = x.var(dims, unbiased=False)
            kept = found * n / max(1, n - 1)
        self.running_var.lerp_(kept.detach(), self.momentum)
        return (found + self.eps).sqrt()

    def extra_repr(self) -> str:
        return f"{self.kind}, {self.over}"


@op_axes.register(Moment)
def _(moment: Any, inputs: tuple[Shape, ...], output: Shape) -> OpAxes:
    grouped = moment.over == "group"
    return by_sentence(moment, inputs, output, "b c=(groups n) h w -> b c h w" if grouped else "")


@buffer_count.register(Moment)
def _(moment: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[0] if moment.over == "batch" else 0


@param_count.register(Learned)
def _(learned: Any, inputs: tuple[Shape, ...], output: Shape) -> int:
    return output[0]


mac_count.register(Learned, nothing)
weightless(Function, Divide, Maximum, Constant, Moment)

EXAMPLES = [
    *((Function(kind), (3, 4)) for kind in FUNCTIONS),
    (Divide(), (3, 4), (3, 4)),
    (Maximum(), (3, 4), (3, 4), (3, 4)),
    (Learned(0.5), (3, 4, 5)),
    (Constant(2.0), (3, 4)),
    *((Moment(kind, over, groups=2), (4, 3, 5)) for kind in MOMENTS for over in OVER),
]
