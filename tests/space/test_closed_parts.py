"""Parts that a template holds several times are counted once: the size is what listing gives, wherever they stand."""

from __future__ import annotations

import pytest

from nasmyth.graph import chain, repeat
from nasmyth.ops import Conv
from nasmyth.space import Space, choice, integer

A, B, N = choice(1, 2, name="a"), choice(1, 2, 3, name="b"), integer(1, 3, name="n")
PART = chain(Conv(A), Conv(B))
TELLING = chain(Conv(N), Conv(A))


@pytest.mark.parametrize(
    ("template", "size"),
    [
        (chain(PART, PART, PART), 6),
        (chain(PART, Conv(choice(5, 6)), PART), 12),
        (chain(choice(PART, Conv(5)), PART), 12),  # decided in one option, or after it
        (chain(choice(PART, Conv(5)), choice(PART, Conv(5))), 6 + 6 + 6 + 1),
        (chain(choice(PART, Conv(5)), Conv(A)), 6 + 2),  # one of its names stands elsewhere
        (chain(repeat(PART, choice(1, 2)), repeat(PART, 3)), 12),
        (
            chain(TELLING, repeat(Conv(choice(3, 4)), N)),
            2 * (2 + 4 + 8),
        ),  # its number tells how often something repeats
        (chain(PART, chain(PART, Conv(choice(1, 2, name="c"))), chain(PART, Conv(4))), 12),
    ],
)
def test_the_size_is_what_listing_gives(template, size):
    space = Space(template, (3, 4, 4))
    listed = [tuple(sorted(genome.items())) for genome in space.enumerate()]
    assert space.size == len(listed) == len(set(listed)) == size


def test_a_deep_stack_of_searched_cells_is_counted_at_once():
    """Two cells of 20 decisions each, 40 times: what is in common is not multiplied out."""
    cells = [
        chain(*(choice(Conv(4), Conv(4, choice(1, 3, name=f"{kind}{i}k")), name=f"{kind}{i}") for i in range(20)))
        for kind in "xy"
    ]
    assert Space(chain(*cells * 20), (3, 4, 4)).size == 3**40
