"""Arrays that are left where they are: the name of a .npy file, or what `numpy.load(path, mmap_mode="r")` gives, of uint8
images."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nasmyth.errors import DataError

if TYPE_CHECKING:
    from nasmyth.forms.disk import Mapped


@dataclass(frozen=True, eq=False)
class OnDisk:
    """uint8 images N H W or N H W C in a file, or some of them."""

    path: Path
    shape: tuple[int, ...]
    rows: np.ndarray | None = None
    dtype = np.dtype(np.uint8)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> OnDisk:
        """Some of the images: row numbers, or a mask."""
        rows = np.arange(len(self))[rows]
        return OnDisk(self.path, (len(rows), *self.shape[1:]), rows if self.rows is None else self.rows[rows])

    def mapped(self) -> Mapped:
        """As N H W C in stored form."""
        import torch

        from nasmyth.forms.disk import Mapped

        tail = self.shape[1:] if self.ndim == 4 else (*self.shape[1:], 1)
        return Mapped(self.path, None if self.rows is None else torch.from_numpy(self.rows), tail)


def on_disk(x: Any) -> OnDisk | None:
    """What may be left on disk; None for anything else."""
    if isinstance(x, np.memmap) and x.filename is not None and str(x.filename).endswith(".npy"):
        path = Path(x.filename)
    elif isinstance(x, str | os.PathLike) and Path(x).suffix.lower() == ".npy":
        path = Path(x)
    else:
        return None
    if not path.is_file():
        raise DataError(f"{path}: no such file; check the path")
    try:
        whole = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: cannot be mapped as .npy ({error}); write the array with np.save") from None
    same = not isinstance(x, np.memmap) or (
        x.shape == whole.shape and x.dtype == whole.dtype and x.offset == whole.offset
    )
    if not same or whole.dtype != np.uint8 or whole.ndim not in (3, 4) or (whole.ndim == 4 and whole.shape[3] > 4):
        if isinstance(x, np.memmap):
            return None  # read as any other array is
        raise DataError(
            f"{path}: {whole.dtype} of shape {whole.shape}; what stays on disk is images, uint8 N H W or N H W C"
        )
    return OnDisk(path, whole.shape)
