"""Stored images as pictures that a page can hold: small PNG files, written without any library."""

from __future__ import annotations

import base64
import struct
import zlib

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 48
"""No picture has a longer side, in pixels."""


def data_uris(images: Tensor) -> list[str]:
    """uint8 images, N H W C, as data URIs; those that are dark or pale as a whole are stretched, all alike."""
    return ["data:image/png;base64," + base64.b64encode(png(_small(image))).decode() for image in _bright(images)]


def _bright(images: Tensor) -> Tensor:
    """From black to white."""
    if not len(images):
        return images
    low, high = int(images.min()), int(images.max())
    return images if high == low else ((images.float() - low) * (255 / (high - low))).round().to(torch.uint8)


def _small(image: Tensor) -> Tensor:
    """uint8, H W C, with 1, 3 or 4 channels and no side longer than SIDE."""
    height, width, channels = image.shape
    image = image if channels in (1, 3, 4) else image[:, :, :1]
    scale = SIDE / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    shrunk = F.interpolate(image.permute(2, 0, 1)[None].float(), size=size, mode="area")
    return shrunk[0].permute(1, 2, 0).round().to(torch.uint8)


def png(image: Tensor) -> bytes:
    """A uint8 image, H W C with 1, 3 or 4 channels, as a PNG file (ISO/IEC 15948), without filters."""
    height, width, channels = image.shape
    kind = {1: 0, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.numpy().tobytes() for row in image.contiguous().reshape(height, -1))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
