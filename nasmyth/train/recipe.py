"""How a network is trained, as a frozen value: part of a candidate, recorded with it, open to search."""

from __future__ import annotations

from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.record import Value


class Recipe(Value):
    """Training settings. Any field may be a hole while the recipe is part of a space.

    The defaults suit small convolutional networks on small images; each domain has its own.
    """

    optimizer: str = "sgd"
    """ "sgd" (Nesterov momentum) or "adamw"."""
    lr: float = 0.1
    """Peak learning rate."""
    weight_decay: float = 5e-4
    """Not applied to biases, norms and other parameters of one axis. AdamW: decoupled (Loshchilov & Hutter, 2019)."""
    momentum: float = 0.9
    batch: int = 128
    epochs: int = 20
    warmup: float = 0.1
    """The share of the run during which the rate rises."""
    smoothing: float = 0.0
    """Label smoothing (Szegedy et al., 2016): this much probability is spread over all classes."""
    ema: float = 0.0
    """Decay of the moving average of the weights, which is what is kept; 0 keeps the weights themselves."""
    flip: bool = False
    """Mirror images left to right, half of the time."""
    crop: int = 0
    """Move images by up to so many pixels in each direction, filling with black."""
    mixup: float = 0.0
    """The alpha of mixup (Zhang et al., 2018); 0 is none."""
    precision: str = "32"
    """ "32", "bf16" (mixed), or "auto": bf16 where the device has fast bf16 arithmetic."""
    channels_last: bool = True
    """Store images as N H W C: faster convolutions on CPUs and on GPUs with tensor cores."""
    clip: float = 0.0
    """The largest norm of the gradient; 0 does not limit it."""
    compile: bool = False
    """Use torch.compile: pays in trainings of minutes (10 to 30 s to compile, then faster steps)."""

    def check(self) -> None:
        _one_of(self, "optimizer", ("sgd", "adamw"))
        _one_of(self, "precision", ("32", "bf16", "auto"))
        for name in ("lr", "batch", "epochs"):
            _within(self, name, above=0.0)
        for name in ("weight_decay", "crop", "mixup", "clip"):
            _within(self, name)
        for name in ("momentum", "smoothing", "ema", "warmup"):
            _within(self, name, below=1.0)


def _one_of(recipe: Recipe, name: str, options: tuple[str, ...]) -> None:
    value = getattr(recipe, name)
    if not _open(value) and value not in options:
        raise SpaceError(f"Recipe({name}={value!r}): use one of {', '.join(map(repr, options))}")


def _within(recipe: Recipe, name: str, above: float | None = None, below: float | None = None) -> None:
    value = getattr(recipe, name)
    if _open(value):
        return
    low = value > above if above is not None else value >= 0
    if not low or (below is not None and value >= below):
        span = f"above {above:g}" if above is not None else "0 or more" + (f" and below {below:g}" if below else "")
        raise SpaceError(f"Recipe({name}={value!r}): must be {span}")


def _open(value: Any) -> bool:
    """Whether a field still is a hole."""
    return isinstance(value, Value)
