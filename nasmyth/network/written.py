"""What an export left behind."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Written(NamedTuple):
    """What an export left: its files, how far its answers are from the network's, and how it is used."""

    files: tuple[Path, ...]
    difference: float
    usage: str

    @property
    def path(self) -> Path:
        return self.files[0]

    def __str__(self) -> str:
        names = " and ".join(str(file) for file in self.files)
        return f"{names}: agrees with the network to {self.difference:.1g}; {self.usage}"
