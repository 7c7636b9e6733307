"""`hf:NAME`, `hf:NAME:CONFIG` or `hf:/path`: a data set of the Hugging Face hub, or one saved to disk in its form.

Pictures with a label column, or tables. The hub's own splits are the official ones. No code of a data set is run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nasmyth.domains.sources import pictures
from nasmyth.domains.sources.frames import label_array
from nasmyth.domains.sources.raw import SPLIT_NAMES, Options, Part, Raw, Reader, readers, sampled, several
from nasmyth.errors import DataError, nearest, require

_USUAL_TARGETS = ("label", "labels", "target", "fine_label", "class", "y")


def read_hub(source: Any, options: Options) -> Raw:
    """Pictures or a table, with the hub's splits. Raises DataError where it cannot be loaded or has no such column."""
    name = str(source).removeprefix("hf:")
    splits = {part: loaded for part, loaded in _splits(name).items() if len(loaded)}
    if "train" not in splits:
        raise DataError(f"{source}: no training split in it (splits: {several(splits) or 'none'})")
    notes = (
        [f"official split: {', '.join(f'{part} {len(one):,}' for part, one in splits.items())}"]
        if len(splits) > 1
        else []
    )
    features = splits["train"].features
    target = _target(str(source), list(features), options)
    classes = tuple(getattr(features[target], "names", None) or ())
    images = [column for column, feature in features.items() if type(feature).__name__ == "Image"]
    rows = sampled(len(splits["train"]), options)
    if len(rows) < len(splits["train"]):
        notes.append(f"limit: {len(rows):,} of {len(splits['train']):,} examples were taken")
        splits["train"] = splits["train"].select(rows)
    labels = {part: _labels(one, target, classes) for part, one in splits.items()}
    for part in [
        part for part, y in labels.items() if part != "train" and classes and all(label is None for label in y)
    ]:
        notes.append(f"the {part} split has no labels: it was left out")
        del splits[part]
    inputs, said = _images(str(source), splits, images[0], options) if images else _frames(splits, target)
    bad = inputs.pop("bad", {})
    parts = {part: Part(inputs[part], labels[part]) for part in splits}
    parts = {
        p: part.take(np.setdiff1d(np.arange(len(part)), bad[p])) if bad.get(p) else part for p, part in parts.items()
    }
    return Raw.of(Path(name).name, parts, classes=classes, targets=(target,), notes=(*notes, *said))


def _splits(name: str) -> dict[str, Any]:
    datasets = require("datasets", extra="hf")
    path = Path(name).expanduser()
    if name.startswith(("/", ".", "~")) and not path.is_dir():
        raise DataError(f"hf:{name}: no such folder; expected what Dataset.save_to_disk wrote")
    try:
        if path.is_dir():
            loaded = datasets.load_from_disk(str(path))
        else:
            repository, _, config = name.partition(":")
            loaded = datasets.load_dataset(repository, config or None)
    except Exception as error:  # the library raises its own, the hub's, the network's and Arrow's errors
        first = str(error).strip().partition("\n")[0]
        raise DataError(
            f"hf:{name}: could not be loaded ({type(error).__name__}: {first}); check the name on the hub and the"
            " network, or save it once with Dataset.save_to_disk(path) and write hf:/path"
        ) from error
    if not isinstance(loaded, dict):
        return {"train": loaded}
    return {SPLIT_NAMES[key]: split for key, split in loaded.items() if key in SPLIT_NAMES}


def _target(where: str, columns: list[str], options: Options) -> str:
    if isinstance(options.target, tuple):
        raise DataError(
            f"{where}: several target columns are read from tables only; name one: target={options.target[0]!r}"
        )
    if options.target is not None:
        if options.target not in columns:
            hint = nearest(options.target, columns)
            raise DataError(f"{where}: no column {options.target!r}{hint} (columns: {several(columns, 12)})")
        return options.target
    for usual in _USUAL_TARGETS:
        if usual in columns:
            return usual
    raise DataError(
        f"{where}: which column is to be predicted? write target={columns[-1]!r} (columns: {several(columns, 12)})"
    )


def _labels(split: Any, target: str, classes: tuple[str, ...]) -> np.ndarray:
    series = split.select_columns([target]).to_pandas()[target]
    if not classes:
        return label_array(series)
    names = np.empty(len(series), dtype=object)  # a label of -1 says that it is not known
    known = series.notna() & (series.fillna(-1) >= 0)
    names[:] = [classes[int(code)] if there else None for code, there in zip(series, known, strict=True)]
    return names


def _images(where: str, splits: dict[str, Any], column: str, options: Options) -> tuple[dict[str, Any], list[str]]:
    from datasets import Image

    raw = {part: split.cast_column(column, Image(decode=False))[column] for part, split in splits.items()}
    files = {part: [_file(value) for value in column_values] for part, column_values in raw.items()}
    seen = pictures.headers([one for part in files.values() for one in part])
    if all(isinstance(head, pictures.Unreadable) for head in seen):
        raise DataError(f"{where}: none of its {len(seen):,} pictures can be read; load it again")
    size, channels, notes = pictures.common_form(seen, options)
    inputs: dict[str, Any] = {"bad": {}}
    for part, values in files.items():
        inputs[part], failed = pictures.load(values, size, channels)
        if failed:
            named = several(f"{part}[{row}] ({reason})" for row, reason in failed.items())
            if options.on_bad == "refuse":
                raise DataError(f"{where}: pictures that cannot be read: {named}; or write on_bad='skip'")
            notes.append(f"{len(failed):,} pictures that cannot be read were left out: {named}")
            inputs["bad"][part] = list(failed)
    return inputs, notes


def _file(value: dict[str, Any] | None) -> bytes | Path:
    if value is None or (value.get("bytes") is None and not value.get("path")):
        return b""  # said to be empty, like any other file without content
    return value["bytes"] if value.get("bytes") is not None else Path(value["path"])


def _frames(splits: dict[str, Any], target: str) -> tuple[dict[str, Any], list[str]]:
    return {part: split.remove_columns([target]).to_pandas() for part, split in splits.items()}, []


readers.add(
    "hf",
    Reader(
        "hf:NAME, a data set of the Hugging Face hub, or hf:/path, one saved to disk",
        lambda source: isinstance(source, str) and source.startswith("hf:"),
        read_hub,
    ),
)
