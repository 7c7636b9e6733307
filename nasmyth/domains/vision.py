"""Images: arrays of N H W or N H W C with one label, or some numbers, each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nasmyth.domains.domain import NARROWEST, Domain, assemble, domains
from nasmyth.domains.labels import settle
from nasmyth.domains.series import refuse_series
from nasmyth.domains.sources import Options, Part, Raw
from nasmyth.domains.sources.memory import allowance
from nasmyth.domains.sources.on_disk import OnDisk
from nasmyth.domains.splits import split
from nasmyth.domains.starts import Family, Sized
from nasmyth.errors import DataError

if TYPE_CHECKING:
    from nasmyth.measure import Constraint
    from nasmyth.network import Network
    from nasmyth.space import Genome, Space
    from nasmyth.train.recipe import Recipe
    from nasmyth.train.task import Task

MIRRORS = 0.9
"""The share of known images that must be known when mirrored, too, before training mirrors any; chance is not counted."""
MIRRORED = "mirrored"
"""The decision of the recipe space that says so."""
LEARNED = 0.2
"""How much better than chance a network must be before it is asked."""
FEW = 10_000
"""With fewer training examples, batches are smaller, and examples are mixed: each is seen a hundred times and more."""
PASSES, SEEN = 12.0, 700_000
"""How often all training examples are seen by the largest network that is worth its time, or how many are, one by one."""
_MOST_CHANNELS = 4
_BLOCK = 1024


class Vision(Domain):
    """Image classification, and regression from images."""

    name = "vision"
    about = "images: x of numbers, N H W or N H W C"
    kinds = tuple(
        f"{stem}{kind}"
        for stem in ("", "coarse ")
        for kind in ("residual", "mobile", "separable", "aggregation", "convnext")
    )

    def accepts(self, raw: Raw) -> bool:
        """Arrays of numbers with three or four axes."""
        x = raw.train.x
        return isinstance(x, OnDisk) or (isinstance(x, np.ndarray) and x.ndim in (3, 4) and x.dtype.kind in "buif")

    def suits(self, task: Task) -> bool:
        """Tasks whose inputs are an ImageInput."""
        from nasmyth.forms.inputs import ImageInput

        return isinstance(task.inputs, ImageInput)

    def task(self, raw: Raw, options: Options) -> Task:
        """Images stored as uint8 N H W C; pixel range, mean and spread are those of the training split."""
        from nasmyth.forms.fitting import fit_image_input

        if isinstance(raw.train.x, OnDisk):
            return _on_disk(raw, options)
        refuse_series(raw)
        for name, part in raw.parts.items():
            raw = _channels_last(raw, name, part)
        for name, part in raw.parts.items():
            raw = _without_bad(raw, name, part, options)
        size = options.height_width or raw.train.x.shape[1:3]
        for name, part in raw.parts.items():
            raw = _of_size(raw, name, part, size)
        settled = settle(raw, options, pictures=True)
        raw = split(settled, options.seed)
        _refuse_constant(raw)
        inputs = fit_image_input(raw.train.x)
        return assemble(_say_conversions(raw, inputs), inputs, settled)

    def space(self, task: Task) -> Space:
        from nasmyth.spaces.images import images

        return images(task.input, task.outputs.size)

    def plain(self, task: Task, width: int) -> Genome:
        from nasmyth.spaces.image_families import FAMILIES

        return FAMILIES["residual"](width, task.input)

    def cheaper(self, task: Task) -> Sequence[Family]:
        """Those that shrink the image twice as much in the stem."""
        from nasmyth.spaces.image_families import FAMILIES

        return [partial(FAMILIES[name], input=task.input, coarser=2) for name in ("residual", "separable")]

    def passes(self, task: Task) -> float:
        """Of networks that are trained on Fashion-MNIST for 200 s, those that see all of it 14 times have 92.5 % on test, and
        larger ones, 4 to 9 times, 92.2 to 92.3 %. On 4,000 images larger ones at 50 passes beat smaller ones at 100."""
        return min(PASSES, SEEN / max(1, len(task.train)))

    def problem(self, task: Task, plain: Genome) -> str:
        """Tight where the budget excludes the usual plain network; else few or many examples."""
        if plain["stem.stride"] != self.plain(task, NARROWEST)["stem.stride"]:
            return "tight"
        return "few" if len(task.train) < FEW else "many"

    def sized(self, task: Task, limits: Sequence[Constraint], plain: Genome) -> Sized:
        """Families, and coarse ones, which shrink the image twice as much in the stem."""
        from nasmyth.domains.families import Sizes
        from nasmyth.spaces.image_families import FAMILIES
        from nasmyth.spaces.images import WIDTHS

        usual = {name: partial(make, input=task.input) for name, make in FAMILIES.items()}
        coarse = {f"coarse {name}": partial(make, coarser=2) for name, make in usual.items()}
        return Sizes(task, self.space(task), limits, plain, WIDTHS, usual | coarse).sized

    def recipe(self, task: Task) -> Recipe:
        """Small images on a CPU: Muon, whose error is smaller by a twentieth to a tenth than that of SGD on all images of
        `benchmarks/portfolio.txt`; moved by a tenth of their side, and not mirrored, since digits and letters must not be.

        Whether others may be shows in training: see `adapted`.
        """
        from nasmyth.train import EMA, Crop, Mixup, Muon, Recipe

        side, examples = min(task.inputs.shape[1:]), len(task.train)
        mixed = (Mixup(0.2),) if task.classes and examples < FEW else ()
        return Recipe(
            optimizer=Muon(lr=0.05),
            augment=(Crop(max(1, side // 10)), *mixed),
            epochs=max(20, min(200, 2_000_000 // max(1, examples))),
            batch=64 if examples < FEW else 128,
            average=EMA(0.998),
            precision="auto",
            smoothing=0.05 if task.classes else 0.0,
        )

    def recipe_space(self, task: Task) -> Recipe:
        """With augmentations, each from nothing to strong: those of what an image shows first, then those that mix images; and
        with SGD."""
        from nasmyth.graph import Identity
        from nasmyth.space import choice
        from nasmyth.train import SGD, Crop, CutMix, Cutout, Flip, Mixup, RandAugment
        from nasmyth.train.recipe_space import recipe_space, strengths

        recipe, side = self.recipe(task), min(task.inputs.shape[1:])
        now, step = recipe.augmentations, max(1, side // 10)
        augment = (
            choice(Identity(), Flip(), name=MIRRORED),
            Crop(strengths(now, Crop, "pixels", (step, 2 * step))),
            RandAugment(strengths(now, RandAugment, "layers", (1, 2)), choice(0.3, 0.1, 0.6)),
            CutMix(strengths(now, CutMix, "alpha", (1.0,))),
            Cutout(strengths(now, Cutout, "pixels", (side // 4, side // 2))),
            Mixup(strengths(now, Mixup, "alpha", (0.1, 0.2, 0.4))),
        )
        return recipe_space(recipe, augment, smoothed=bool(task.classes), optimizers=(SGD(lr=0.1),))

    def adapted(self, network: Network, task: Task) -> tuple[Genome, str]:
        """Mirrors training images if the network knows most mirrored images although it has never seen any.

        A mirrored animal still is one, and a mirrored digit mostly is none: of handwritten digits, a third of those that
        are known are known when mirrored. Of Fashion-MNIST it is 0.82, since all shoes there point one way, and mirroring
        gains nothing: 0.928 on test against 0.930, in 37 epochs of a network of 78k parameters.
        """
        from nasmyth.train import Split, evaluate

        if not task.classes:
            return {}, ""
        mirrored = replace(task, valid=Split(task.valid.x.flip(2), task.valid.y))
        known, known_mirrored = (evaluate(network, one)["accuracy"] for one in (task, mirrored))
        chance = float(task.valid.y.bincount().max()) / len(task.valid)
        if known < chance + LEARNED or known_mirrored - chance < MIRRORS * (known - chance):
            return {}, ""
        why = (
            f"training mirrors images, since {known_mirrored:.0%} of mirrored ones were known unseen "
            f"({known:.0%} of others)"
        )
        return {MIRRORED: 1}, why


def _on_disk(raw: Raw, options: Options) -> Task:
    """The task of uint8 images that stay in their file."""
    from nasmyth.forms.fitting import fit_image_input

    size = raw.train.x.shape[1:3]
    if options.height_width not in (None, size):
        raise DataError(f"{raw.name}: images on disk are not resized; leave out size= (--size), or give them in memory")
    settled = settle(raw, options, pictures=True)
    raw = split(settled, options.seed)
    raw = raw.replace(**{name: Part(part.x.mapped(), part.y) for name, part in raw.parts.items()})
    inputs = fit_image_input(raw.train.x)
    return assemble(raw.replace(note="images are read from disk, as they are needed"), inputs, settled)


def _channels_last(raw: Raw, name: str, part: Part) -> Raw:
    """N C H W becomes N H W C where the axes leave no doubt."""
    x = part.x
    if x.ndim not in (3, 4) or 0 in x.shape:
        raise DataError(
            f"{raw.name}: images of the {name} part have shape {x.shape}; expected N H W or N H W C, none of them 0"
        )
    if x.ndim == 4 and x.shape[3] > _MOST_CHANNELS and x.shape[1] <= _MOST_CHANNELS:
        note = f"images of the {name} part came as N C H W: their channels were moved last"
        return raw.replace(**{name: Part(np.moveaxis(x, 1, 3), part.y)}, note=note)
    return raw


def _without_bad(raw: Raw, name: str, part: Part, options: Options) -> Raw:
    """Images that hold NaN or infinite pixels are left out and said, or refused."""
    if part.x.dtype.kind != "f":
        return raw
    blocks = [part.x[i : i + _BLOCK] for i in range(0, len(part), _BLOCK)]
    good = np.concatenate([np.isfinite(block).reshape(len(block), -1).all(axis=1) for block in blocks])
    bad = np.flatnonzero(~good)
    if not len(bad):
        return raw
    which = f"{len(bad):,} of {len(part):,} images of the {name} part have NaN or infinite pixels (first: row {bad[0]})"
    if options.on_bad == "refuse" or len(bad) == len(part):
        raise DataError(
            f"{raw.name}: {which}; correct them" + ("" if len(bad) == len(part) else ", or write on_bad='skip'")
        )
    return raw.replace(**{name: part.take(good)}, note=f"{which}: they were left out")


def _refuse_constant(raw: Raw) -> None:
    low, high = float(raw.train.x.min()), float(raw.train.x.max())
    if low == high:
        raise DataError(f"{raw.name}: every pixel of every training image is {low:g}; there is nothing to learn from")


def _of_size(raw: Raw, name: str, part: Part, size: tuple[int, int]) -> Raw:
    height, width = part.x.shape[1:3]
    if (height, width) == tuple(size):
        return raw
    allowance().check(
        f"{raw.name}: {len(part):,} images of {size[0]}x{size[1]} pixels",
        len(part) * size[0] * size[1] * part.x.itemsize * (part.x.shape[3] if part.x.ndim == 4 else 1),
    )
    note = f"images of the {name} part were resized from {height}x{width} to {size[0]}x{size[1]}"
    return raw.replace(**{name: Part(resized(part.x, size), part.y)}, note=note)


def resized(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Images N H W or N H W C at another height and width, of the same type: bilinear, antialiased."""
    import torch
    import torch.nn.functional as F

    out = np.empty((len(x), *size, *x.shape[3:]), dtype=x.dtype)
    for start in range(0, len(x), _BLOCK):
        block = torch.from_numpy(np.ascontiguousarray(x[start : start + _BLOCK])).float()
        block = block.unsqueeze(1) if block.ndim == 3 else block.permute(0, 3, 1, 2)
        block = F.interpolate(block, size=tuple(size), mode="bilinear", antialias=True, align_corners=False)
        block = block.squeeze(1) if x.ndim == 3 else block.permute(0, 2, 3, 1)
        out[start : start + _BLOCK] = (block.round() if x.dtype.kind in "ui" else block).numpy()
    return out


def _say_conversions(raw: Raw, inputs: Any) -> Raw:
    notes = []
    if raw.train.x.dtype != np.uint8 and (inputs.low, inputs.high) != (0, 255):
        notes.append(f"pixel values from {inputs.low:g} to {inputs.high:g} are stored in 256 steps")
    for name, part in raw.parts.items():
        given = part.x.shape[3] if part.x.ndim == 4 else 1
        if given != inputs.channels:
            notes.append(
                f"images of the {name} part were converted from {given} channels to {inputs.channels}, as in training"
            )
    return raw.replace(note=tuple(notes))


VISION = domains.add(Vision.name, Vision())
