"""A folder of class folders, one picture a file; or `train/`, `test/` and `val/` folders of class folders.

flowers/                    flowers/
├── daisy/                  ├── train/
│   ├── 001.jpg             │   ├── daisy/ ...
│   └── 002.jpg             │   └── rose/ ...
└── rose/ ...               └── test/ ...
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nasmyth.domains.sources import pictures
from nasmyth.domains.sources.pictures import Unreadable
from nasmyth.domains.sources.raw import SPLIT_NAMES, Options, Part, Raw, Reader, readers, sampled, several
from nasmyth.errors import DataError
from nasmyth.record import utf8_text


@dataclass(frozen=True)
class _Listed:
    """The picture files of one part, with the class folder of each."""

    paths: list[Path]
    labels: list[str]
    other: list[Path]
    """Files that are not pictures in a class folder."""
    empty: list[str]
    """Class folders without a picture."""
    closed: list[str]
    """Folders that cannot be listed, and links that lead back to a folder around them."""


def read_folder(source: Any, options: Options) -> Raw:
    """uint8 N H W C and the class folder's name of each picture. Raises DataError where nothing can be learned."""
    root = Path(source)
    listed = {part: _limited(_list(folder), part, options) for part, folder in _parts(root).items()}
    _check(root, listed)
    paths = [path for files in listed.values() for path in files.paths]
    seen = pictures.headers(paths)
    _check_readable(root, paths, seen)
    size, channels, said = pictures.common_form(seen, options)
    parts: dict[str, Part] = {}
    bad: dict[Path, str] = {}
    for part, files in listed.items():
        x, failed = pictures.load(files.paths, size, channels)
        parts[part] = Part(x, np.array(files.labels))
        if failed:
            parts[part] = parts[part].take(np.setdiff1d(np.arange(len(x)), list(failed)))
        bad.update({files.paths[row]: reason for row, reason in failed.items()})
    notes = (*_said_of_listing(root, listed, options), *said, *_refuse_or_say(bad, root, options))
    return Raw.of(root.resolve().name, parts, targets=("class",), notes=notes)


def pictures_in(root: Path) -> list[Path]:
    """Every picture file at any depth, in the order of their names."""
    return [path for path in _files(root) if pictures.is_picture(path)]


def _parts(root: Path) -> dict[str, Path]:
    """The folder of each part: one for all, unless the folders in it are `train` and other names of parts."""
    folders = _folders(root)
    named = {SPLIT_NAMES.get(folder.name.lower(), ""): folder for folder in folders}
    if "train" in named and "" not in named and len(named) == len(folders) > 1:
        return {part: named[part] for part in ("train", "valid", "test") if part in named}
    return {"train": root}


def _folders(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith((".", "__")))


def _files(root: Path, closed: list[str] | None = None) -> list[Path]:
    """All that is in a folder at any depth, links to folders not followed; folders that cannot be listed go to `closed`."""

    def refused(error: OSError) -> None:
        if closed is not None:
            closed.append(str(error.filename))

    walked = os.walk(root, onerror=refused)
    return sorted(Path(at) / name for at, _, names in walked for name in names if not name.startswith("."))


def _list(root: Path) -> _Listed:
    loose = [p for p in sorted(root.iterdir()) if not p.is_dir() and not p.name.startswith(".")]
    listed, around = _Listed([], [], loose, [], []), {root.resolve(), *root.resolve().parents}
    for folder in _folders(root):
        if folder.resolve() in around:
            listed.closed.append(folder.name)
            continue
        inside = _files(folder, listed.closed)
        found = [path for path in inside if pictures.is_picture(path)]
        listed.other.extend(path for path in inside if not pictures.is_picture(path))
        listed.paths.extend(found)
        listed.labels.extend([utf8_text(folder.name)] * len(found))
        listed.empty.extend([] if found else [folder.name])
    return listed


def _limited(files: _Listed, part: str, options: Options) -> _Listed:
    if part != "train":
        return files
    rows = sampled(len(files.paths), options)
    return replace(files, paths=[files.paths[r] for r in rows], labels=[files.labels[r] for r in rows])


def _check(root: Path, listed: dict[str, _Listed]) -> None:
    for part, files in listed.items():
        if files.paths:
            continue
        where = root if len(listed) == 1 else root / part
        loose = [path.name for path in files.other if pictures.is_picture(path)]
        if loose:
            raise DataError(
                f"{where}: its pictures ({several(loose, 3)}) are in no class folder; "
                f"put those of each class into a folder of its own: {where.name}/CLASS/{loose[0]}"
            )
        kinds = Counter(path.suffix or path.name for path in files.other)
        holds = f"it holds {several([f'{n} {kind}' for kind, n in kinds.most_common()])}" if kinds else "it is empty"
        raise DataError(
            f"{where}: no pictures in it ({holds}); expected {where.name}/CLASS/PICTURE with files named "
            f"{', '.join(pictures.FORMATS)}, or name a .csv, .parquet or .npz file instead"
        )


def _check_readable(root: Path, paths: list[Path], seen: list[tuple[int, int, int] | Unreadable]) -> None:
    bad = [head.reason for head in seen if isinstance(head, Unreadable)]
    if len(bad) == len(seen):
        raise DataError(
            f"{root}: none of its {len(seen):,} pictures can be read (the first, {paths[0].relative_to(root)}:"
            f" {bad[0]}); put whole PNG or JPEG files in their place"
        )


def _said_of_listing(root: Path, listed: dict[str, _Listed], options: Options) -> list[str]:
    notes = []
    if len(listed) > 1:
        notes.append(f"official split: {', '.join(f'{part} {len(files.paths):,}' for part, files in listed.items())}")
    if options.limit is not None and len(listed["train"].paths) == options.limit:
        notes.append(f"limit: {options.limit:,} pictures were taken")
    other = [path.relative_to(root) for files in listed.values() for path in files.other]
    if other:
        notes.append(f"{len(other):,} files that are not pictures in a class folder were left out: {several(other)}")
    empty = sorted({name for files in listed.values() for name in files.empty})
    if empty:
        notes.append(f"class folders without pictures were left out: {several(empty)}")
    closed = sorted({name for files in listed.values() for name in files.closed})
    if closed:
        notes.append(
            f"folders that cannot be listed, or lead back to one around them, were left out: {several(closed)}"
        )
    return notes


def _refuse_or_say(bad: dict[Path, str], root: Path, options: Options) -> list[str]:
    if not bad:
        return []
    named = several([f"{path.relative_to(root)} ({reason})" for path, reason in bad.items()])
    if options.on_bad == "refuse":
        raise DataError(f"{root}: {len(bad):,} pictures cannot be read: {named}; replace them, or write on_bad='skip'")
    return [f"{len(bad):,} pictures that cannot be read were left out: {named}"]


readers.add(
    "folder",
    Reader(
        "a folder of class folders of PNG or JPEG pictures, also under train/, val/ and test/",
        lambda source: isinstance(source, str | os.PathLike) and Path(source).is_dir(),
        read_folder,
    ),
)
