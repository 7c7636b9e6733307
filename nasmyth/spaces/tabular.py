"""Networks for the rows of a table: an embedding of every column, then residual layers over all of them.

The columns become vectors (Gorishniy et al. 2022, arXiv:2203.05556); what follows is a ResNet for tables or a plain MLP
(Gorishniy et al. 2021, arXiv:2106.11959), or a transformer over the columns (FT-Transformer, of the same paper).
"""

from __future__ import annotations

from typing import Any

from nasmyth.blocks import dense_block, dense_residual, sequence_head, transformer
from nasmyth.graph import block, chain, repeat
from nasmyth.ops import Activation, BatchNorm, Columns, Flatten, Linear
from nasmyth.space import Genome, Space, choice, integer
from nasmyth.spaces.registry import space

WIDTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768)


@block("b l d -> b out")
def mlp_body(out: int, width: int = 64, depth: int = 2, dropout: float = 0.0) -> Any:
    """`depth` layers of linear, norm, ReLU on all embeddings at once."""
    return chain(Flatten(), repeat(dense_block(width, dropout=dropout), depth), Linear(out))


@block("b l d -> b out")
def residual_body(out: int, width: int = 64, depth: int = 2, dropout: float = 0.0) -> Any:
    """A linear layer to `width`, then `depth` residual blocks."""
    blocks = repeat(dense_residual(dropout=dropout), depth)
    return chain(Flatten(), Linear(width), blocks, BatchNorm(), Activation("relu"), Linear(out))


@block("b l d -> b out")
def transformer_body(d: int, out: int, depth: int = 2, expand: int = 2, dropout: float = 0.0) -> Any:
    """`depth` transformer blocks over the columns, which are as wide as the embedding."""
    heads = next(h for h in (8, 4, 2, 1) if d % h == 0)
    return chain(repeat(transformer(heads, expand, dropout=dropout), depth), sequence_head(out))


@space("tables", source="Gorishniy et al. 2021 and 2022 (arXiv:2106.11959, arXiv:2203.05556)")
def tables(cardinalities: tuple[int, ...] = (0, 0, 0, 0), outputs: int = 1) -> Space:
    """Networks on rows whose columns are numbers (cardinality 0), then categories of so many codes."""
    d, depth, dropout = choice(1, 2, 4, 8, 12, 16, 24, name="embedding"), integer(1, 4), choice(0.0, 0.1, 0.25)
    kinds = [Columns(cardinalities, d)]
    if 0 in cardinalities:
        kinds.append(Columns(cardinalities, d, "plr", choice(4, 8, 16), choice(0.05, 0.1, 0.3)))
    body = choice(
        mlp_body(outputs, integer(4, 768, name="width"), depth, dropout),
        residual_body(outputs, choice(*WIDTHS), depth, dropout),
        transformer_body(outputs, depth, choice(1, 2, 4), dropout),
    )
    return Space(chain(columns=choice(*kinds), body=body), (len(cardinalities),))


def plain(width: int, cardinalities: tuple[int, ...]) -> Genome:
    """The baseline, as a genome of `tables`: linear embeddings and an MLP of two layers.

    The narrowest has scaled numbers for embeddings, so that tables of thousands of columns have one within a tight budget.
    """
    small = 8 if width >= 16 else 2 if width > 4 else 1
    return {"embedding": small, "columns": 0, "body": 0, "width": width, "body:0.depth": 2, "body:0.dropout": 0.0}


EXAMPLES = [
    (mlp_body(2, width=5), (3, 4)),
    (residual_body(2, width=5, depth=1), (3, 4)),
    (transformer_body(2, depth=1), (3, 4)),
]
