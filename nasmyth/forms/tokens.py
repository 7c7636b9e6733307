"""Sequences of codes: characters, bytes, words, whatever a vocabulary names. Stored as int64 N L, the texts as they are read.

Texts may have different lengths: then `padded` says so, code 0 fills what is missing, and the network is given a mask
beside the codes (its input `mask`, true where there is text). Layers that mix places read it (`ops.Attention`,
`ops.Mean("l")`), so that what a text is padded to changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nasmyth.errors import DataError
from nasmyth.forms.form import InputForm, stored_as
from nasmyth.graph.inputs import Inputs, Spec, checked_inputs

MOST_CODES = 1_000_000
MOST_WORDS = 256
"""Characters in a fitted vocabulary; the rest counts as unknown."""
CONTEXT = 24
"""Letters on either side of a position that a report shows."""


class PrepareTokens(nn.Module):
    """Codes, N L, as they are; with padding, codes and the mask of what is no padding (code 0)."""

    def __init__(self, padded=False):
        super().__init__()
        self.padded = padded

    def forward(self, x):
        return (x, x != 0) if self.padded else x


class TokenInput(InputForm):
    """Sequences of `length` codes.

    vocabulary: the texts that the codes 1, 2, ... stand for, each a character, and 0 is what is unknown or missing; or how many
    codes there are, where they are numbers that mean nothing here. padded: whether sequences may be shorter.
    """

    length: int
    vocabulary: Any
    padded: bool = False

    def check(self) -> None:
        names = self.vocabulary
        fine = (
            0 < names <= MOST_CODES
            if type(names) is int
            else isinstance(names, tuple) and len(set(names)) == len(names)
        )
        if not fine or self.length < 1:
            raise DataError(
                "tokens have a length of at least 1, and a vocabulary of different texts, or a number of codes"
            )

    @property
    def size(self) -> int:
        """How many codes there are: what an embedding needs."""
        return self.vocabulary if type(self.vocabulary) is int else 1 + len(self.vocabulary)

    @property
    def shape(self) -> tuple[int]:
        """What the network sees: (length,)."""
        return (self.length,)

    @property
    def spec(self) -> Inputs:
        mask = {"mask": Spec((self.length,), "bool")} if self.padded else {}
        return checked_inputs({"tokens": Spec((self.length,), "int"), **mask})

    @property
    def takes(self) -> str:
        return f"codes of texts: int64 (N, {self.length}), from 0 to {self.size - 1}" + (
            ", 0 where there is no text" * self.padded
        )

    def encode(self, raw: Any) -> Tensor:
        """Texts, or arrays N L of codes, to int64 N L. Longer texts are cut. Raises DataError."""
        if hasattr(raw, "columns"):  # of a table, all texts of a row
            raw = texts_of(raw)
        array = raw.detach().cpu().numpy() if isinstance(raw, Tensor) else np.asarray(raw)
        if array.dtype.kind in "OUT" and array.ndim == 1:
            return self._of_texts([str(text) for text in array])
        if array.ndim != 2 or array.dtype.kind not in "iufb" or array.shape[1] > self.length:
            raise DataError(f"sequences of shape {array.shape}: give texts, or whole numbers, N x {self.length}")
        if array.shape[1] < self.length and not self.padded:
            raise DataError(f"sequences of {array.shape[1]} codes for a network that takes {self.length}")
        codes = torch.from_numpy(array.astype(np.int64))
        if array.size and (
            codes.min() < 0 or codes.max() >= self.size or (array.dtype.kind == "f" and (array % 1).any())
        ):
            raise DataError(
                f"codes from {array.min():g} to {array.max():g}: this vocabulary has whole numbers from 0 to {self.size - 1}"
            )
        return torch.nn.functional.pad(codes, (0, self.length - codes.shape[1]))

    def _of_texts(self, texts: list[str]) -> Tensor:
        if type(self.vocabulary) is int:
            raise DataError("texts, where this network takes numbers: its vocabulary has no characters")
        places = {character: i + 1 for i, character in enumerate(self.vocabulary)}
        out = np.zeros((len(texts), self.length), dtype=np.int64)
        for row, text in enumerate(texts):
            if len(text) < self.length and not self.padded:
                raise DataError(f"row {row}: a text of {len(text)} characters for a network that takes {self.length}")
            for at, character in enumerate(text[: self.length]):
                # 0 would be padding: what is unknown within a text takes the rarest code
                out[row, at] = places.get(character, len(places) if self.padded else 0)
        return torch.from_numpy(out)

    @property
    def settings(self) -> dict[str, Any]:
        return {"padded": self.padded}

    def module(self) -> PrepareTokens:
        """Stored codes to codes, or to codes and mask."""
        return PrepareTokens(**self.settings)

    def validate(self, stored: Any, what: str) -> None:
        stored_as(stored, what, (self.length,), torch.int64)
        if (
            isinstance(stored, Tensor)
            and stored.numel()
            and not 0 <= int(stored.min()) <= int(stored.max()) < self.size
        ):
            raise DataError(f"{what}: codes from {int(stored.min())} to {int(stored.max())}, of {self.size}")

    def random(self, n: int, seed: int) -> Tensor:
        """Raw input like that of training, at random."""
        generator = torch.Generator().manual_seed(seed)
        codes = torch.randint(1, max(2, self.size), (n, self.length), generator=generator).clamp(max=self.size - 1)
        if self.padded:
            lengths = torch.randint(1, self.length + 1, (n, 1), generator=generator)
            codes = torch.where(torch.arange(self.length) < lengths, codes, 0)
        return codes

    def text(self, codes: Iterable[int]) -> str:
        """What codes stand for."""
        if type(self.vocabulary) is int:
            return " ".join(str(code) for code in codes)
        return "".join(self.vocabulary[code - 1] if code else "" for code in codes)

    @property
    def shown_columns(self) -> list[str]:
        return ["text"]

    def show(self, stored: Tensor, places: list[tuple[int, ...]]) -> list[dict[str, Any]]:
        """The text, or what stands before the position."""
        rows = zip(stored.tolist(), places, strict=True)
        return [
            {"cells": [self.text(row[max(0, at[0] - CONTEXT) : at[0] + 1] if at else row[: 3 * CONTEXT])]}
            for row, at in rows
        ]


def texts_of(frame: Any) -> list[str]:
    """The column of texts in a table: of several, that of the longest ones."""
    columns = [frame[name].fillna("").astype(str) for name in frame.columns]
    return list(max(columns, key=lambda column: sum(map(len, column))))


def fit_tokens(texts: Iterable[str], length: int, padded: bool) -> TokenInput:
    """The TokenInput whose characters are those of training texts, the frequent ones first."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    order = sorted(counts, key=lambda c: (-counts[c], c))[:MOST_WORDS]
    if not order:
        raise DataError("no text in the training part: every example is empty")
    return TokenInput(length, (*order, "�") if padded else tuple(order), padded)
