"""Networks for the rows of a table: an embedding of every column, then residual layers over all of them.

The columns become vectors (Gorishniy et al. 2022, arXiv:2203.05556); what follows is a ResNet for tables or a plain MLP
(Gorishniy et al. 2021, arXiv:2106.11959), a transformer over the columns (FT-Transformer, of the same paper), or an MLP of many
members (TabM, Gorishniy et al. 2024, arXiv:2410.24210).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasmyth.blocks import dense_block, dense_residual, sequence_head, tabm, transformer
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


@block("b l d -> b out")
def members_body(
    out: int,
    width: int = 64,
    depth: int = 2,
    dropout: float = 0.0,
    k: int = 16,
    adapters: int = 0,
    answers: str = "classes",
    share: int = 1,
) -> Any:
    """TabM over all embeddings at once; see `ops/members.py`."""
    return chain(Flatten(), tabm(out, width, depth, k, bool(adapters), answers, share, dropout))


@space("tables", source="Gorishniy et al. 2021, 2022 and 2024 (arXiv:2106.11959, arXiv:2203.05556, arXiv:2410.24210)")
def tables(cardinalities: tuple[int, ...] = (0, 0, 0, 0), outputs: int = 1, answers: str = "values") -> Space:
    """Networks on rows whose columns are numbers (cardinality 0), then categories of so many codes.

    answers: "classes" or "values", which says what the mean of several members is of.
    """
    d, depth, dropout = choice(1, 2, 4, 8, 12, 16, 24, name="embedding"), integer(1, 4), choice(0.0, 0.1, 0.25)
    width = integer(4, 768, name="width")
    kinds = [Columns(cardinalities, d)]
    if 0 in cardinalities:
        kinds.append(Columns(cardinalities, d, "plr", choice(4, 8, 16), choice(0.05, 0.1, 0.3)))
        kinds.append(Columns(cardinalities, d, "ple", choice(4, 8, 16, 32)))
    body = choice(
        mlp_body(outputs, width, depth, dropout),
        residual_body(outputs, choice(*WIDTHS), depth, dropout),
        transformer_body(outputs, depth, choice(1, 2, 4), dropout),
        members_body(outputs, width, depth, dropout, choice(2, 4, 8, 16, 32), choice(0, 1), answers, choice(1, 4)),
    )
    return Space(chain(columns=choice(*kinds), body=body), (len(cardinalities),))


LINEAR, PERIODIC, BINS = range(3)
"""How numbers are embedded: decisions of the hole `columns`."""
MLP, RESIDUAL, TRANSFORMER, MEMBERS = range(4)
"""Decisions of the hole `body`."""


def genome(columns: int, body: int, embedding: int, **settings: Any) -> Genome:
    """A genome of `tables`: a kind of embedding and a body, the width of the embedding, and the settings of these two.

    frequencies, sigma are of the embedding; width, depth, dropout, k, adapters, share of the body.
    """
    width = settings.pop("width", 64)
    of_columns = {name: settings.pop(name) for name in ("frequencies", "sigma") if name in settings}
    own = {**DEFAULTS[body], **settings} | ({"width": width} if body == RESIDUAL else {})
    named = {"width": width} if body in (MLP, MEMBERS) else {}
    return {
        "embedding": embedding,
        "columns": columns,
        **{f"columns:{columns}.{name}": value for name, value in of_columns.items()},
        "body": body,
        **named,
        **{f"body:{body}.{name}": value for name, value in own.items()},
    }


DEFAULTS: Mapping[int, Mapping[str, Any]] = {
    MLP: {"depth": 2, "dropout": 0.0},
    RESIDUAL: {"depth": 2, "dropout": 0.0},
    TRANSFORMER: {"depth": 2, "expand": 2, "dropout": 0.0},
    MEMBERS: {"depth": 2, "dropout": 0.0, "k": 16, "adapters": 0, "share": 4},
}


def plain(width: int, cardinalities: tuple[int, ...]) -> Genome:
    """The baseline, as a genome of `tables`: linear embeddings and an MLP of two layers.

    The narrowest has scaled numbers for embeddings, so that tables of thousands of columns have one within a tight budget.
    """
    return genome(LINEAR, MLP, 8 if width >= 16 else 2 if width > 4 else 1, width=width)


EXAMPLES = [
    (mlp_body(2, width=5), (3, 4)),
    (residual_body(2, width=5, depth=1), (3, 4)),
    (transformer_body(2, depth=1), (3, 4)),
    (members_body(2, width=5, depth=1, k=3), (3, 4)),
]
