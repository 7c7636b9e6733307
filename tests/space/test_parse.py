"""From a network back to its genome: whatever a space makes, a grammar's networks in any writing, and what none makes."""

import pytest
from core_toys import SHAPE, Tag, Wide, templates
from hypothesis import given
from hypothesis import strategies as st

from nasmyth.errors import GenomeError
from nasmyth.graph import Identity, chain, parallel, repeat, residual
from nasmyth.space import Space, choice, grammar, integer, maybe, subset, symbol

BODY = symbol("body")
RULES = {
    "body": [
        chain(BODY, BODY),
        residual(BODY),
        parallel(symbol("body", "x"), symbol("body", "x")),
        Tag(1),
        Tag(2),
        Identity(),
    ]
}
GRAMMAR = Space(chain(Wide(choice(4, 8)), grammar(RULES, depth=5, size=12, input=(4, 8, 8)), Tag(3)), (3, 8, 8))


@given(templates(), st.integers(0, 99))
def test_whatever_is_made_is_found_again(template, seed):
    space = Space(template, SHAPE)
    genome = space.sample(seed)
    found = space.genome_of(space.filled(genome)[0])
    assert space.decode(found) == space.decode(genome)


def test_counts_subsets_and_options_are_found():
    space = Space(
        chain(
            repeat(choice(Tag(1), Tag(2)), integer(0, 3)),
            parallel(subset(2, Tag(5), Tag(integer(6, 9)), Tag(4))),
            maybe(Tag(7)),
        ),
        SHAPE,
    )
    genome = {"[0].count": 2, "[0][0]": 1, "[0][1]": 0, "[1]": [0, 1], "[1]:1.label": 8, "[2]": 1}
    network = chain(chain(Tag(2), Tag(1)), parallel(Tag(5), Tag(8)), Tag(7))
    assert space.genome_of(network) == genome
    assert space.genome_of(chain(repeat(Tag(2), 2), parallel(Tag(5), Tag(8)), Identity()))["[0][1]"] == 1


@pytest.mark.parametrize("seed", range(40))
def test_derivations_are_found_again(seed):
    genome = GRAMMAR.sample(seed)
    found = GRAMMAR.genome_of(GRAMMAR.filled(genome)[0])
    assert GRAMMAR.decode(found) == GRAMMAR.decode(genome)


def test_a_derivation_is_found_however_it_is_written():
    one = chain(Wide(4), chain(chain(Tag(1), Identity()), residual(Tag(2), Tag(1)), Tag(2)), Tag(3))
    other = chain(Wide(4), chain(Tag(1), chain(parallel(chain(Tag(2), chain(Tag(1))), Identity()), Tag(2))), Tag(3))
    assert GRAMMAR.decode(GRAMMAR.genome_of(one)) == GRAMMAR.decode(GRAMMAR.genome_of(other))


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (chain(Wide(4), Tag(9), Tag(3)), "no genome of this space makes"),
        (chain(Wide(4), repeat(Tag(1), 13), Tag(3)), "no genome of this space makes"),  # more layers than are allowed
        (chain(Wide(choice(4, 8)), Tag(1), Tag(3)), "no template without holes"),
        ("a network", "no template without holes"),
    ],
    ids=["another", "too long", "open", "text"],
)
def test_what_no_genome_makes_is_refused(network, said):
    with pytest.raises(GenomeError, match=said):
        GRAMMAR.genome_of(network)
