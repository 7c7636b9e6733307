"""Which examples train, which choose between candidates, and which are kept for one figure at the end.

What the source sets apart stays apart. Otherwise a fifth becomes the test split, and of what is left a tenth (0.15 of
fewer than 10,000) the validation split, at most MOST_VALID examples. Classes are shared out evenly, under the seed.
"""

from __future__ import annotations

import numpy as np

from nasmyth.domains.labels import Settled
from nasmyth.domains.sources.raw import Raw
from nasmyth.errors import DataError

TEST_SHARE = 0.2
MOST_VALID = 10_000


def split(settled: Settled, seed: int) -> Raw:
    """The data in three parts; what was split off, and how, is added to the notes."""
    raw, notes = settled.raw, []
    how = "with equal shares of each class" if settled.kind == "classification" else "at random"
    need = 1 + (raw.test is None) + (raw.valid is None)
    if len(raw.train) < need:
        raise DataError(
            f"{raw.name}: {len(raw.train)} examples cannot be split into training, validation and test; add more"
        )
    if raw.test is None:
        raw = _part_off(raw, "test", TEST_SHARE, settled.kind, seed)
        notes.append(f"test split: {len(_there(raw, 'test')):,} examples, a fifth, taken {how} (seed {seed})")
    if raw.valid is None:
        share = 0.1 if len(raw.train) >= MOST_VALID else 0.15
        raw = _part_off(raw, "valid", min(share, MOST_VALID / len(raw.train)), settled.kind, seed + 1)
        notes.append(f"validation split: {len(_there(raw, 'valid')):,} training examples, taken {how} (seed {seed})")
    return raw.replace(note=tuple(notes))


def _part_off(raw: Raw, name: str, share: float, kind: str, seed: int) -> Raw:
    """Move this share of the training part, and at least one example, into the part of that name."""
    import torch

    from nasmyth.train.split import random_split, stratified_split

    share = max(share, 1 / len(raw.train))
    if kind == "classification":
        rows = stratified_split(torch.from_numpy(raw.train.y), (1 - share, share), seed)
    else:
        rows = random_split(len(raw.train), (1 - share, share), seed)
    stay, go = (np.asarray(part) for part in rows)
    return raw.replace(train=raw.train.take(stay), **{name: raw.train.take(go)})


def _there(raw: Raw, name: str) -> np.ndarray:
    return np.asarray(raw.parts[name].y)
