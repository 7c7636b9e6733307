"""A plain text file: one long text, to learn what comes next."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nasmyth.domains.sources.memory import allowance
from nasmyth.domains.sources.raw import Options, Part, Raw, Reader, readers
from nasmyth.errors import DataError

SUFFIXES = (".txt", ".text")
_GROWTH = 24
"""Bytes that a character takes as text, code and target."""


@dataclass(frozen=True, eq=False)
class LongText:
    """One text, whose characters are its examples."""

    text: str

    def __len__(self) -> int:
        return len(self.text)


def read_text(source: Any, options: Options) -> Raw:
    """The text of a file in UTF-8. Raises DataError where it cannot be read as such."""
    path = Path(source)
    allowance().check(f"{path}: a text of that size", path.stat().st_size * _GROWTH)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is no text in UTF-8 (byte {error.start}); convert it, e.g. with iconv") from None
    return Raw(path.stem, Part(LongText(text), LongText(text)), targets=("the next character",))


readers.add(
    "text",
    Reader(
        "a .txt file, to learn which character comes next",
        lambda s: isinstance(s, str | os.PathLike) and Path(s).suffix.lower() in SUFFIXES and Path(s).is_file(),
        read_text,
    ),
)
