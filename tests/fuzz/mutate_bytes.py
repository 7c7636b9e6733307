"""Bytes that are nearly right: bits flipped, parts cut out, doubled, moved, and lengths that lie."""

from random import Random


def mutated_bytes(data: bytes, rng: Random) -> bytes:
    """A copy with one to four changes. Half of them fall into the first 256 bytes, where files say what they hold."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        _change(found, rng)
    return bytes(found)


def _change(data: bytearray, rng: Random) -> None:
    size = len(data)
    if not size:
        data += bytes(rng.randrange(256) for _ in range(rng.randrange(64)))
        return
    at = rng.randrange(min(size, 256) if rng.random() < 0.5 else size)
    length = rng.choice((1, 2, 8, 100, size // 2 + 1))
    kind = rng.randrange(8)
    if kind <= 1:
        data[at] ^= 1 << rng.randrange(8)
    elif kind == 2:
        data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, 0x22, 0x7B, 0x2D))
    elif kind == 3:
        del data[at:]
    elif kind == 4:
        del data[at : at + length]
    elif kind == 5:
        data[at:at] = data[at : at + length]
    elif kind == 6:
        width = rng.choice((2, 4, 8))
        value = rng.choice((0, 1, size, size + 1, (1 << (8 * width - 1)) - 1, (1 << (8 * width)) - 1))
        data[at : at + width] = (value % (1 << (8 * width))).to_bytes(width, rng.choice(("little", "big")))
    else:
        data[at:at] = bytes(rng.randrange(256) for _ in range(length % 64))
