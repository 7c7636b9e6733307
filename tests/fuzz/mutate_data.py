"""Malformed data: a good small file of each kind, changed as bytes or made with something odd in it.

    npz(rng)      an archive of arrays "x" and "y"
    csv(rng)      a table whose target is the column "y"
    parquet(rng)  the same, in Parquet
    picture(rng)  a file's name and its bytes, for a class folder

Each call takes about a millisecond and gives at most some hundred kilobytes. The same `rng` gives the same file.
"""

from __future__ import annotations

from mutate_arrays import npz
from mutate_pictures import picture
from mutate_tables import csv, parquet

__all__ = ["csv", "npz", "parquet", "picture"]
