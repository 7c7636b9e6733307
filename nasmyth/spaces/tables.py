"""Networks for the rows of a table: an embedding of every column, then residual layers over all of them.

The columns become vectors (Gorishniy et al. 2022, arXiv:2203.05556); what follows is a ResNet for tables or a plain MLP
(Gorishniy et al. 2021, arXiv:2106.11959), or a transformer over the columns (FT-Transformer, of the same paper).
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks import dense_block, dense_residual, sequence_head, transformer
from nasmyth.errors import SpaceError
from nasmyth.graph import block, chain, repeat
from nasmyth.ops import Activation, BatchNorm, Columns, Flatten, Linear
from nasmyth.space import Space, choice, integer
from nasmyth.spaces.registry import space

WIDTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768)


@block("b l d -> b out")
def body(l: int, d: int, out: int, kind: str = "mlp", width: int = 64, depth: int = 2, dropout: float = 0.0) -> Any:  # noqa: E741
    """From embedded columns to answers: "mlp", "resnet", or "transformer" (whose width is the embedding's)."""
    if kind == "transformer":
        heads = next(h for h in (8, 4, 2, 1) if d % h == 0)
        return chain(repeat(transformer(heads=heads, expand=2, dropout=dropout), depth), sequence_head(out))
    if kind == "resnet":
        layers = repeat(dense_residual(dropout=dropout), depth)
        return chain(Flatten(), Linear(width), layers, BatchNorm(), Activation("relu"), Linear(out))
    if kind == "mlp":
        return chain(Flatten(), repeat(dense_block(width, dropout=dropout), depth), Linear(out))
    raise SpaceError(f"body(kind={kind!r}): use 'mlp', 'resnet' or 'transformer'")


@space("tables", source="Gorishniy et al. 2021 and 2022 (arXiv:2106.11959, arXiv:2203.05556)")
def tables(cardinalities: tuple[int, ...] = (0, 0, 0, 0), outputs: int = 1) -> Space:
    """Networks on rows whose columns are numbers (cardinality 0), then categories of so many codes."""
    embedding = Columns(
        cardinalities,
        d=choice(1, 2, 4, 8, 12, 16, 24),
        numbers=choice("linear", "plr"),
        frequencies=choice(4, 8, 16),
        sigma=choice(0.05, 0.1, 0.3),
    )
    layers = body(
        outputs,
        kind=choice("mlp", "resnet", "transformer"),
        width=choice(*WIDTHS),
        depth=integer(1, 4),
        dropout=choice(0.0, 0.1, 0.25),
    )
    return Space(chain(columns=embedding, body=layers), (len(cardinalities),))


def plain(width: int, cardinalities: tuple[int, ...], outputs: int) -> Any:
    """The baseline: linear embeddings of 8 numbers a column and an MLP of two layers."""
    small = 8 if width >= 16 else 2
    return chain(columns=Columns(cardinalities, d=small), body=body(outputs, kind="mlp", width=width, depth=2))
