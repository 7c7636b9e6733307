"""Malformed pictures: damaged bytes, false sizes, chunks that do not belong there."""

from __future__ import annotations

import io
import random
import struct
import zlib
from functools import cache

import numpy as np
from mutate_bytes import mutated_bytes


def picture(rng: random.Random) -> tuple[str, bytes]:
    """A picture with damaged bytes, false sizes, or chunks that do not belong there."""
    suffix = rng.choice((".png", ".png", ".jpg", ".bmp", ".webp"))
    data = _good_picture(suffix, rng.choice(("L", "RGB", "RGBA", "P", "1", "I;16") if suffix == ".png" else ("RGB",)))
    if suffix == ".png" and rng.random() < 0.4:
        data = _odd_png(data, rng)
    elif suffix == ".bmp" and rng.random() < 0.5:
        data = data[:18] + struct.pack("<ii", _odd_number(rng), _odd_number(rng)) + data[26:]
    elif rng.random() < 0.9:
        data = mutated_bytes(data, rng)
    name = rng.choice(("a", "a", "a", "é", "a b", "-a", "x" * 200, "a\udce9")) + rng.choice(
        (suffix,) * 6 + (".PNG", ".jpeg", ".png")
    )
    return name, data


@cache
def _good_picture(suffix: str, mode: str) -> bytes:
    from PIL import Image

    sink, pixels = io.BytesIO(), np.random.default_rng(1).integers(0, 255, (8, 8, 4)).astype(np.uint8)
    if mode == "I;16":
        image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 200)
    else:
        image = (
            Image.fromarray(pixels, "RGBA" if mode == "RGBA" else None).convert(mode)
            if mode != "RGBA"
            else Image.fromarray(pixels)
        )
    image.save(sink, {".png": "PNG", ".jpg": "JPEG", ".bmp": "BMP", ".webp": "WEBP"}[suffix])
    return sink.getvalue()


def _odd_number(rng: random.Random) -> int:
    return rng.choice((0, 1, -1, 8, 13_000, 65_535, 2**31 - 1, -(2**31), rng.randrange(2**16)))


def _odd_png(data: bytes, rng: random.Random) -> bytes:
    """Whole chunks with right checksums that say false things."""
    header = bytearray(data[16:29])  # width, height, depth, colour, compression, filter, interlace
    if rng.random() < 0.5:
        header[0:8] = struct.pack(">II", _odd_number(rng) % 2**32, _odd_number(rng) % 2**32)
    else:
        header[rng.randrange(8, 13)] = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
    more = rng.choice(
        (
            b"",
            b"",
            _chunk(b"tEXt", b"a\0" + b"b" * 100),
            _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2_000_000), 1)),
            _chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2_000_000), 1)),
            _chunk(b"eXIf", rng.randbytes(40)),
            _chunk(b"tRNS", rng.randbytes(rng.choice((0, 1, 6, 300)))),
            _chunk(b"PLTE", rng.randbytes(rng.choice((0, 3, 7, 900)))),
            _chunk(b"acTL", struct.pack(">II", 2**31, 0)),
            _chunk(b"IDAT", b""),
        )
    )
    return data[:8] + _chunk(b"IHDR", bytes(header)) + more + data[33:]


@cache
def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
