"""Small pictures to write and to learn from, made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def picture(label: int, seed: int = 0, size: tuple[int, int] = (12, 12), channels: int = 3) -> np.ndarray:
    """uint8 H W C: noise around a brightness that tells the label."""
    rng = np.random.default_rng(1000 * label + seed)
    return rng.integers(60 * label, 60 * label + 60, size=(*size, channels), dtype=np.uint8)


def write(path: Path, pixels: np.ndarray) -> Path:
    """Write a picture; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.squeeze()).save(path)
    return path


def folder(root: Path, classes: tuple[str, ...] = ("cat", "dog"), each: int = 10, suffix: str = ".png", **how) -> Path:
    """A folder of class folders."""
    for label, name in enumerate(classes):
        for i in range(each):
            write(root / name / f"{i:03}{suffix}", picture(label, i, **how))
    return root


def arrays(count: int = 60, classes: int = 3, size: tuple[int, int] = (8, 8)) -> tuple[np.ndarray, np.ndarray]:
    """uint8 N H W and int64 N."""
    y = np.arange(count) % classes
    return np.stack([picture(int(label), i, size, 1)[..., 0] for i, label in enumerate(y)]), y
