"""Bytes that were damaged on their way: flipped, overwritten, cut, repeated."""

from __future__ import annotations

import random


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The bytes after one change, or up to eight."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        if not changed:
            break
        rng.choice((_flip, _flip, _write, _cut, _remove, _insert, _repeat, _blank))(changed, rng)
    return bytes(changed)


def _flip(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _write(data: bytearray, rng: random.Random) -> None:
    at, size = rng.randrange(len(data)), rng.choice((1, 2, 4, 8))
    number = rng.choice(
        (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 2**63 - 1, 2**64 - 1, rng.getrandbits(64))
    )
    data[at : at + size] = (number % 256**size).to_bytes(size, rng.choice(("little", "big")))


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _span(data: bytearray, rng: random.Random) -> slice:
    at = rng.randrange(len(data))
    return slice(at, at + rng.choice((1, 2, 4, 16, 64)))


def _remove(data: bytearray, rng: random.Random) -> None:
    del data[_span(data, rng)]


def _insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = rng.choice((b"\0", b"\xff\xff", b"\n", b'"', b",", rng.randbytes(8), "²".encode(), b"-" * 40))


def _repeat(data: bytearray, rng: random.Random) -> None:
    span = _span(data, rng)
    data[span.start : span.start] = data[span] * rng.choice((1, 2, 50))


def _blank(data: bytearray, rng: random.Random) -> None:
    span = _span(data, rng)
    data[span] = bytes(len(data[span]))
