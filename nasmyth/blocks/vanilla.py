"""Plain layers without shortcuts, two of which become one when they are trained (VanillaNet, Chen 2023, arXiv:2305.12972).

While it trains, a layer is two convolutions with a nonlinearity between them that fades away (`DecayingActivation`); at
the end the two are one linear map, and `nasmyth.transform.merge` makes one convolution of them. What is left of the
nonlinearity is the series activation behind it.
"""

from __future__ import annotations

from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.graph.chain import chain
from nasmyth.graph.joins import Identity
from nasmyth.graph.op import block
from nasmyth.ops import Activation, BatchNorm, Conv, DecayingActivation, DepthwiseConv, Linear, MaxPool, Mean

FORMS = ("deep", "plain", "merged")
"""Of a layer: two linear maps, which merge; one with a norm behind it; one alone, as it is deployed. Both others merge
to the last."""


@block("b c h w -> b c h w")
def series_activation(series: int = 3, activation: str = "relu", merged: bool = False) -> Any:
    """An activation, then a learned sum of its values at the (2 series + 1)^2 pixels around, channel by channel.

    series: 0 leaves the plain activation. merged: as it is deployed, with the norm inside the kernel.
    """
    if not series:
        return Activation(activation)
    kernel = 2 * series + 1
    if merged:
        return chain(act=Activation(activation), spread=DepthwiseConv(kernel, bias=True))
    return chain(act=Activation(activation), spread=DepthwiseConv(kernel), norm=BatchNorm(1e-6))


@block("b c h w -> b out h/stride w/stride")
def vanilla_block(
    c: int,
    out: int,
    stride: int = 1,
    series: int = 3,
    activation: str = "relu",
    share: float = 1.0,
    form: str = "deep",
) -> Any:
    """Two 1x1 convolutions that merge, max pooling, a series activation. `form` is one of FORMS."""
    pool = MaxPool(stride, stride) if stride > 1 else Identity()
    linear = _linear(Conv(c, 1), Conv(out, 1), Conv(out, 1), activation, share, form)
    return chain(linear=linear, pool=pool, act=series_activation(series, activation, form == "merged"))


@block("b c h w -> b out h/patch w/patch")
def vanilla_stem(
    out: int, patch: int = 4, series: int = 3, activation: str = "relu", share: float = 1.0, form: str = "deep"
) -> Any:
    """A convolution over patches and one over channels that merge, then a series activation."""
    patches = Conv(out, patch, patch)
    linear = _linear(patches, Conv(out, 1), patches, activation, share, form)
    return chain(linear=linear, act=series_activation(series, activation, form == "merged"))


@block("b c h w -> b out")
def vanilla_head(out: int, activation: str = "relu", share: float = 1.0, form: str = "deep") -> Any:
    """The mean over all pixels, then two linear layers that merge."""
    linear = Linear(out)
    if _known(form) == "deep":
        linear = chain(first=linear, norm=BatchNorm(1e-6), fade=DecayingActivation(activation, share), second=linear)
    return chain(pool=Mean("h w"), linear=linear)


def _linear(first: Any, second: Any, one: Any, activation: str, share: float, form: str) -> Any:
    """The linear part of a layer; `one` is what stands in the place of the two."""
    norm = BatchNorm(1e-6)
    if _known(form) == "deep":
        return chain(
            first=first, norm=norm, fade=DecayingActivation(activation, share), second=second, second_norm=norm
        )
    return chain(first=one, norm=norm) if form == "plain" else one.replace(bias=True)


def _known(form: str) -> str:
    if form not in FORMS:
        raise SpaceError(f"form={form!r}: it is one of {', '.join(FORMS)}")
    return form


EXAMPLES = [
    (series_activation(1), (4, 5, 5)),
    (series_activation(0), (4, 5, 5)),
    (series_activation(2, merged=True), (4, 5, 5)),
    (vanilla_block(6, stride=2), (4, 6, 6)),
    (vanilla_block(6, series=1, form="plain"), (4, 5, 5)),
    (vanilla_block(4, series=1, form="merged"), (4, 5, 5)),
    (vanilla_stem(6, patch=2, series=1), (3, 6, 6)),
    (vanilla_stem(6, series=1, form="merged"), (3, 8, 8)),
    (vanilla_head(5, share=0.5), (4, 3, 3)),
    (vanilla_head(5, form="merged"), (4, 3, 3)),
]
