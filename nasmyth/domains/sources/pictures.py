"""Pictures, as files or as the bytes of files: how large one is, and its pixels at the size asked for. Pillow decodes.

Decoding releases the interpreter lock, so a handful of threads keep every core busy. Only the formats listed here are
ever tried, whatever a file's content claims to be. Only regular files are opened. What a picture needs while it is decoded
is known from its header: one that needs more than MOST_DECODING is refused, and others wait until there is room for them.
"""

from __future__ import annotations

import io
import os
import stat
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from nasmyth.domains.sources.memory import allowance
from nasmyth.domains.sources.raw import Options
from nasmyth.errors import require

Picture = Path | bytes | Any
"""A file, the content of one, or a Pillow image."""

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".webp": "WEBP"}
LARGEST_SIDE = 224
"""Longer side, in pixels, above which pictures are scaled down unless a size is asked for."""
MOST_BYTES = 1 << 30
"""Pictures are kept in memory; without a size asked for, they are scaled down until they take no more than this."""
MOST_DECODING = 1 << 30
"""Bytes that pictures may take while they are decoded, all that are at work together."""
_BYTES_A_PIXEL = {"WEBP": 16}
"""Of formats whose decoder keeps copies; of others it is 8: the picture as Pillow keeps it, and a converted one."""

_DEEP_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
_GRAY_MODES = _DEEP_MODES | {"1", "L", "LA", "La"}
_SIDEWAYS = frozenset({5, 6, 7, 8})  # EXIF orientations that swap height and width
_ORIENTATION = 0x0112

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Unreadable:
    """Why a picture could not be read; stands where its pixels would be."""

    reason: str


def is_picture(path: Path) -> bool:
    """Whether the name is that of a picture file we read."""
    return path.suffix.lower() in FORMATS


def header(picture: Picture) -> tuple[int, int, int] | Unreadable:
    """Height, width and channels (1 or 3) as the file declares them, without decoding it."""

    def look(image: Any) -> tuple[int, int, int]:
        width, height = image.size
        if image.format == "JPEG" and image.getexif().get(_ORIENTATION) in _SIDEWAYS:
            width, height = height, width
        return height, width, 1 if image.mode in _GRAY_MODES else 3

    return _opened(picture, look)


def headers(pictures: Sequence[Picture]) -> list[tuple[int, int, int] | Unreadable]:
    """The header of each picture."""
    return _in_threads(header, pictures)


def load(pictures: Sequence[Picture], size: tuple[int, int], channels: int) -> tuple[np.ndarray, dict[int, str]]:
    """uint8 N H W C, and the reason for each row number that could not be read (that row is zero).

    Each picture is turned upright, scaled to cover `size` (height, width) and cropped at the centre; what is
    transparent becomes white. Raises DataError where all of them together are too large for the memory.
    """
    allowance().check(f"{len(pictures):,} pictures at {by(size)}", len(pictures) * size[0] * size[1] * channels)
    out = np.zeros((len(pictures), *size, channels), dtype=np.uint8)

    def fill(row: int) -> Unreadable | None:
        loaded = _opened(pictures[row], lambda image: _fitted(image, size, channels))
        if isinstance(loaded, Unreadable):
            return loaded
        out[row] = loaded
        return None

    failed = _in_threads(fill, range(len(pictures)))
    return out, {row: bad.reason for row, bad in enumerate(failed) if bad is not None}


def common_form(
    seen: Iterable[tuple[int, int, int] | Unreadable], options: Options
) -> tuple[tuple[int, int], int, list[str]]:
    """The size and the channels to bring pictures with these headers to, and what that means in words."""
    notes, readable = [], [head for head in seen if not isinstance(head, Unreadable)]
    sizes = Counter((height, width) for height, width, _ in readable)
    gray = sum(channels == 1 for _, _, channels in readable)
    channels = 1 if gray == len(readable) else 3
    if 0 < gray < len(readable):
        notes.append(
            f"{gray:,} gray pictures were given three equal channels, as {len(readable) - gray:,} are in colour"
        )
    size = options.height_width or default_size(sizes, channels)
    if other := len(readable) - sizes[size]:
        common = max(sizes, key=lambda one: (sizes[one], one))
        why = f"their most common size, {by(common)}, scaled down; size= asks for another"
        why = "as asked" if options.size is not None else "the most common size" if common == size else why
        notes.append(
            f"{other:,} of {len(readable):,} pictures were scaled and cropped at the centre to {by(size)} ({why})"
        )
    return size, channels, notes


def default_size(sizes: Counter[tuple[int, int]], channels: int) -> tuple[int, int]:
    """The most common height and width, scaled down to what can be learned from in memory."""
    height, width = max(sizes, key=lambda size: (sizes[size], size))
    need = sizes.total() * height * width * channels
    shrink = min(1.0, LARGEST_SIDE / max(height, width), (MOST_BYTES / need) ** 0.5)
    return max(1, int(height * shrink)), max(1, int(width * shrink))


def by(size: tuple[int, int]) -> str:
    """ "28x28": a height and a width in a sentence."""
    return f"{size[0]}x{size[1]}"


def _opened(picture: Picture, use: Callable[[Any], T]) -> T | Unreadable:
    pillow = require("PIL.Image", extra="data")
    if isinstance(picture, pillow.Image):
        return use(picture)
    try:
        if missing := _unopenable(picture):
            return Unreadable(missing)
        with warnings.catch_warnings():
            # Pillow refuses an oversized picture at twice the size at which it warns; the rest are about metadata.
            warnings.simplefilter("ignore")
            file = io.BytesIO(picture) if isinstance(picture, bytes) else picture
            with pillow.open(file, formats=sorted(set(FORMATS.values()))) as image:
                need = image.size[0] * image.size[1] * _BYTES_A_PIXEL.get(image.format, 8)
                if need > MOST_DECODING:
                    return Unreadable(f"implausibly large, {image.size[0]}x{image.size[1]} pixels")
                with _decoding(need):
                    return use(image)
    except pillow.DecompressionBombError:
        return Unreadable("implausibly large")
    except pillow.UnidentifiedImageError:
        return Unreadable("not a picture that can be read")
    except Exception as error:  # Pillow's decoders raise nearly anything on a damaged file
        return Unreadable("truncated" if "truncated" in str(error) else str(error) or type(error).__name__)


def _unopenable(picture: Path | bytes) -> str:
    """Why there is nothing to open, if so. What is no regular file is not opened: a pipe would be waited for."""
    if isinstance(picture, bytes):
        return "" if picture else "empty file"
    try:
        found = picture.stat()
    except FileNotFoundError:
        return "a link to nothing" if picture.is_symlink() else "not there any more"
    if not stat.S_ISREG(found.st_mode):
        return "not a file"
    return "" if found.st_size else "empty file"


class _Room:
    """Bytes that may be in use at the same time."""

    def __init__(self, most: int) -> None:
        self.left = most
        self.changed = threading.Condition()

    @contextmanager
    def __call__(self, need: int) -> Iterator[None]:
        """Wait until so many bytes are free, and hold them."""
        with self.changed:
            self.changed.wait_for(lambda: self.left >= need)
            self.left -= need
        try:
            yield
        finally:
            with self.changed:
                self.left += need
                self.changed.notify_all()


_decoding = _Room(MOST_DECODING)


def _fitted(image: Any, size: tuple[int, int], channels: int) -> np.ndarray:
    from PIL import Image, ImageOps

    height, width = size
    mode = "L" if channels == 1 else "RGB"
    if image.format == "JPEG":
        if max(image.size) > 4 * max(size):
            image.draft(mode, (2 * max(size), 2 * max(size)))  # decode a large photo at a fraction of its size
        image = ImageOps.exif_transpose(image)
    elif (times := min(image.width // (2 * width), image.height // (2 * height))) > 1:
        image = _smaller(image, times)  # before it is converted, which takes copies of it
    if image.mode in _DEEP_MODES:
        image = Image.fromarray(_eight_bits(np.asarray(image)))
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        over = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
    image = image.convert(mode)
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.uint8).reshape(height, width, channels)


def _smaller(image: Any, times: int) -> Any:
    """A large picture at a whole fraction of its size."""
    if image.mode in ("1", "P", "PA") or image.mode in _DEEP_MODES or "transparency" in image.info:
        return image
    return image.reduce(times)


def _eight_bits(deep: np.ndarray) -> np.ndarray:
    """16-bit grays lose their lower byte; other deep grays are clipped to 0..255."""
    if deep.dtype == np.uint16 or (deep.dtype.kind in "iu" and deep.max(initial=0) > 255):
        return (np.clip(deep, 0, 65535) // 256).astype(np.uint8)
    return np.clip(np.nan_to_num(deep), 0, 255).astype(np.uint8)


def _in_threads(work: Callable[[S], T], items: Iterable[S]) -> list[T]:
    with ThreadPoolExecutor(max_workers=max(1, min(8, os.cpu_count() or 1))) as pool:
        return list(pool.map(work, items))
