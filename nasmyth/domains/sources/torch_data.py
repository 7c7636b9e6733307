"""A torch Dataset or DataLoader, or a pair (training, test) of them: drained once, in order, into memory.

Each item is (input, label). Inputs may be tensors, arrays, Pillow images or numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from nasmyth.domains.sources import pictures
from nasmyth.domains.sources.arrays import as_array, is_dataset
from nasmyth.domains.sources.raw import Options, Part, Raw, Reader, limited, readers, sampled
from nasmyth.errors import DataError


def read_dataset(source: Any, options: Options) -> Raw:
    """The inputs and labels of a map-style Dataset, or of a DataLoader over one."""
    part, notes, total = _drained(source, options)
    dataset = getattr(source, "dataset", source)
    if len(part) < total:
        notes.append(f"limit: {len(part):,} of {total:,} examples were taken")
    return Raw(type(dataset).__name__.lower(), part, classes=_class_names(dataset), notes=tuple(notes))


def read_pair(source: Any, options: Options) -> Raw:
    """(training, test) Datasets or DataLoaders."""
    raw = read_dataset(source[0], options)
    height, width = raw.train.x.shape[1:3] if raw.train.x.ndim > 2 else (0, 0)
    same = Options(size=(height, width) if height else None)
    test, notes, _ = _drained(source[1], same)
    return raw.replace(test=test, note=(f"official split: train {len(raw.train):,}, test {len(test):,}", *notes))


def _drained(source: Any, options: Options) -> tuple[Part, list[str], int]:
    """The examples, what was done to them, and how many there were before the limit."""
    from torch.utils.data import DataLoader, IterableDataset, TensorDataset, default_collate

    if isinstance(source, DataLoader):
        if source.collate_fn is not default_collate:
            part = _stacked([(as_array(x), as_array(y)) for x, y in source], options, join=np.concatenate)
            return limited(Raw("", part[0]), options).train, part[1], len(part[0])
        # Its order and batches are of no interest here, and reading around them is faster and repeatable.
        subset = getattr(source.sampler, "indices", None)
        return _items(source.dataset, sorted(subset) if subset is not None else None, options)
    if isinstance(source, IterableDataset):
        raise DataError(
            f"{type(source).__name__} is an iterable Dataset, which has no length; "
            "give a map-style one, or the arrays: read((x, y))"
        )
    if isinstance(source, TensorDataset) and len(source.tensors) == 2:
        whole = Part(*(as_array(tensor) for tensor in source.tensors))
        return limited(Raw("", whole), options).train, [], len(whole)
    return _items(source, None, options)


def _items(dataset: Any, indices: Sequence[int] | None, options: Options) -> tuple[Part, list[str], int]:
    from torch.utils.data import IterableDataset

    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        raise DataError(
            f"{type(dataset).__name__} has no length; give a map-style Dataset, or the arrays: read((x, y))"
        )
    indices = range(len(dataset)) if indices is None else indices
    if not len(indices):
        raise DataError(f"{type(dataset).__name__} is empty; give one with examples in it")
    pairs = []
    for row in sampled(len(indices), options):
        item = dataset[indices[row]]
        if not isinstance(item, tuple | list) or len(item) != 2:
            got = f"{type(item).__name__} of {len(item)}" if isinstance(item, tuple | list) else type(item).__name__
            raise DataError(f"{type(dataset).__name__}: item {row} is a {got}; expected (input, label)")
        pairs.append((item[0], item[1]))
    part, notes = _stacked(pairs, options)
    return part, notes, len(indices)


def _stacked(pairs: list[tuple[Any, Any]], options: Options, join: Any = np.stack) -> tuple[Part, list[str]]:
    inputs = [pair[0] if _is_pillow(pair[0]) else as_array(pair[0]) for pair in pairs]
    y = join([as_array(pair[1]) for pair in pairs])
    if not any(map(_is_pillow, inputs)):
        shapes = sorted({value.shape[1:] if join is np.concatenate else value.shape for value in inputs})
        if len(shapes) == 1:
            return Part(join(inputs), y), []
        if not all(value.dtype == np.uint8 and value.ndim in (2, 3) for value in inputs):
            raise DataError(
                f"inputs have different shapes ({shapes[0]}, {shapes[1]}, ...); make them equal in the Dataset's"
                " transform"
            )
        from PIL import Image

        inputs = [Image.fromarray(_channels_last(value).squeeze()) for value in inputs]
    size, channels, notes = pictures.common_form(pictures.headers(inputs), options)
    return Part(pictures.load(inputs, size, channels)[0], y), notes


def _channels_last(image: np.ndarray) -> np.ndarray:
    first = image.ndim == 3 and image.shape[0] in (1, 3) and image.shape[-1] not in (1, 3)
    return np.moveaxis(image, 0, -1) if first else image


def _is_pillow(value: Any) -> bool:
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(value, pillow.Image)


def _class_names(dataset: Any) -> tuple[str, ...]:
    names = getattr(dataset, "classes", None)
    return tuple(map(str, names)) if isinstance(names, list | tuple) else ()


readers.add("torch", Reader("a torch Dataset or DataLoader (map-style), of (input, label)", is_dataset, read_dataset))
readers.add(
    "torch pair",
    Reader(
        "a pair (training, test) of torch Datasets or DataLoaders",
        lambda source: isinstance(source, tuple) and len(source) == 2 and all(map(is_dataset, source)),
        read_pair,
    ),
)
