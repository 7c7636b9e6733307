"""Text: a long one, to learn which character comes next; labelled ones, to classify; or rows of whole numbers that are tokens.

Networks see characters. A long text is cut into windows of LENGTH characters, and each of their places answers with the
character after it; its first part is for training, the last parts for validation and test.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nasmyth.domains.domain import Domain, assemble, domains
from nasmyth.domains.labels import settle
from nasmyth.domains.sources import Options, Part, Raw
from nasmyth.domains.sources.text_files import LongText
from nasmyth.domains.splits import split
from nasmyth.domains.starts import Start
from nasmyth.errors import DataError

if TYPE_CHECKING:
    from nasmyth.forms.tokens import TokenInput
    from nasmyth.measure import Constraint
    from nasmyth.space import Genome, Space
    from nasmyth.train.recipe import Recipe
    from nasmyth.train.task import Task

LENGTH = 64
"""Characters of a window of a long text."""
LONGEST = 256
"""Characters of a labelled text that a network sees; the rest is cut off."""
HELD_OUT = 0.05
"""The share of a long text for validation, and that for test."""
USUAL_LENGTH, DISTINCT = 20, 0.5
"""A column is text, and no category, if its entries have so many characters on average, and this share of them differs."""
LOOKED_AT = 1000


def is_text(x: Any) -> bool:
    """Whether the inputs are texts: one column of long ones, most of which differ."""
    if isinstance(x, LongText):
        return True
    if hasattr(x, "columns"):
        x = x.iloc[:, 0].to_numpy(dtype=object) if len(x.columns) == 1 else None
    elif isinstance(x, np.ndarray) and x.ndim == 2 and x.shape[1] == 1:
        x = x[:, 0]
    if not isinstance(x, np.ndarray) or x.ndim != 1 or x.dtype.kind not in "OUT" or not len(x):
        return False
    known = [one for one in x[:LOOKED_AT] if isinstance(one, str)]
    if len(known) < 0.9 * min(len(x), LOOKED_AT):
        return False
    return (
        sum(map(len, known)) >= USUAL_LENGTH * len(known) and len(set(known)) >= DISTINCT * len(known) and _words(known)
    )


def _words(texts: list[str]) -> bool:
    """Whether most of them are of several words, as dates and numbers with units are not."""
    return sum(sum(c.isalpha() for c in text) > len(text) // 2 and " " in text for text in texts) > len(texts) // 2


class Text(Domain):
    """What comes next in a text, and classification of texts."""

    name = "text"
    about = "text: a .txt file, or a single column of texts with a label each"
    kinds = ("lstm", "convolutions", "attention", "state spaces", "gru")

    def accepts(self, raw: Raw) -> bool:
        """Long texts, and one column of texts."""
        return is_text(raw.train.x)

    def suits(self, task: Task) -> bool:
        """Tasks whose inputs are tokens."""
        from nasmyth.forms.tokens import TokenInput

        return isinstance(task.inputs, TokenInput)

    def task(self, raw: Raw, options: Options) -> Task:
        """Characters as codes; the vocabulary is that of the training split."""
        if options.size is not None:
            raise DataError(f"{raw.name} is text, and size= (--size) is the size of images; leave it out")
        if isinstance(raw.train.x, LongText):
            return next_character(raw, options)
        raw = raw.replace(**{name: Part(_one_column(raw, part.x), part.y) for name, part in raw.parts.items()})
        settled = settle(raw, options, pictures=False)
        raw = split(settled, options.seed)
        inputs = _fitted(raw)
        note = f"texts are seen as their first {inputs.length} characters, of {inputs.size} kinds"
        return assemble(raw.replace(note=note), inputs, settled)

    def space(self, task: Task) -> Space:
        from nasmyth.spaces.texts import texts

        inputs = _tokens(task)
        return texts(task.input, inputs.size, task.outputs.size, each=len(task.outputs.shape) > 1)

    def plain(self, task: Task, width: int) -> Genome:
        from nasmyth.spaces.texts import FAMILIES

        return FAMILIES[_usual(task)](width)

    def known(self, task: Task, limits: Sequence[Constraint], plain: Genome) -> list[Start]:
        """The other hand-designed families, each at the largest size that fits."""
        from nasmyth.domains.families import Sizes
        from nasmyth.spaces.texts import FAMILIES, WIDTHS

        sizes = Sizes(task, self.space(task), limits, plain, WIDTHS, FAMILIES)
        found = ((kind, sizes.sized(kind, 1.0)) for kind in self.kinds if kind != _usual(task))
        return [Start(kind, genome) for kind, genome in found if genome is not None]

    def recipe(self, task: Task) -> Recipe:
        from nasmyth.train import AdamW, Recipe

        examples = len(task.train)
        return Recipe(
            optimizer=AdamW(lr=5e-3, weight_decay=1e-2),
            epochs=max(3, min(40, 300_000 // max(1, examples))),
            batch=32 if examples < 50_000 else 64,
            clip=1.0,
        )


def _usual(task: Task) -> str:
    """The kind of the plain network: a recurrent one to answer each place, for which all that came before counts; else the
    fastest."""
    return "lstm" if len(task.outputs.shape) > 1 else "convolutions"


def _tokens(task: Task) -> TokenInput:
    from nasmyth.forms.tokens import TokenInput

    assert isinstance(task.inputs, TokenInput)  # `suits` has said so
    return task.inputs


def next_character(raw: Raw, options: Options) -> Task:
    """Windows of a long text, and for each of their places the character after it."""
    import torch

    from nasmyth.forms.form import IGNORED
    from nasmyth.forms.outputs import Classes
    from nasmyth.forms.tokens import fit_tokens
    from nasmyth.train.split import Split
    from nasmyth.train.task import Task

    text = raw.train.x.text
    held = int(len(text) * HELD_OUT)
    if held < 2 * (LENGTH + 1):
        least = round(2 * (LENGTH + 1) / HELD_OUT)
        raise DataError(f"{raw.name}: a text of {len(text):,} characters; give at least {least:,}")
    pieces = {"train": text[: -2 * held], "valid": text[-2 * held : -held], "test": text[-held:]}
    if options.limit is not None:
        pieces["train"] = pieces["train"][: options.limit * LENGTH + 1]
    inputs = fit_tokens([pieces["train"]], LENGTH, padded=False)
    places = np.zeros(0x110000, dtype=np.int64)
    for code, character in enumerate(inputs.vocabulary, 1):
        places[ord(character)] = code
    splits = {}
    for name, piece in pieces.items():
        codes = torch.from_numpy(places[np.frombuffer(piece.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)])
        rows = (len(codes) - 1) // LENGTH
        x, after = (codes[i : i + rows * LENGTH].reshape(rows, LENGTH).contiguous() for i in (0, 1))
        splits[name] = Split(x, torch.where(after > 0, after - 1, IGNORED))
    note = (f"a text of {len(text):,} characters of {inputs.size - 1} kinds, cut into windows of {LENGTH}; the last two "
            f"twentieths are for validation and test")  # fmt: skip
    return Task(raw.name, inputs, Classes(inputs.vocabulary, positions=(LENGTH,)), **splits, notes=(*raw.notes, note))


def _one_column(raw: Raw, x: Any) -> np.ndarray:
    """Texts, N; or whole numbers, N L."""
    from nasmyth.forms.tokens import texts_of

    if hasattr(x, "columns"):
        numbers = all(column.dtype.kind in "iu" for _, column in x.items())
        return x.to_numpy() if numbers else np.array(texts_of(x), dtype=object)
    x = x[:, 0] if x.ndim == 2 and x.shape[1] == 1 and x.dtype.kind in "OUT" else x
    if x.dtype.kind in "OUT" and x.ndim == 1:
        return np.array(["" if text is None else str(text) for text in x], dtype=object)
    whole = x.dtype.kind in "bui" or (x.dtype.kind == "f" and np.isfinite(x).all() and (x % 1 == 0).all())
    if x.ndim != 2 or not whole or (x.size and x.min() < 0):
        raise DataError(
            f"{raw.name}: x of type {x.dtype} and shape {x.shape}; as text, give texts, or whole numbers from 0, N L"
        )
    return x.astype(np.int64)


def _fitted(raw: Raw) -> TokenInput:
    from nasmyth.forms.tokens import TokenInput, fit_tokens

    x = raw.train.x
    if x.ndim == 2:
        return TokenInput(x.shape[1], int(max(int(part.x.max()) for part in raw.parts.values())) + 1)
    lengths = [len(text) for text in x]
    length = max(1, min(LONGEST, max(lengths)))
    return fit_tokens(x, length, padded=True)


TEXT = domains.add(Text.name, Text())
