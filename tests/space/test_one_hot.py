"""The one-hot encoding of genomes: injective, named, the same as the space's own."""

from __future__ import annotations

import pytest
from core_toys import SHAPE, Tag, templates
from hypothesis import given

from nasmyth.errors import GenomeError
from nasmyth.graph import chain, parallel, repeat
from nasmyth.record import dumps, loads
from nasmyth.space import OneHot, Space, choice, integer, real, subset

SPACE = Space(
    chain(
        repeat(Tag(choice("a", "b")), integer(0, 2)),
        parallel(subset(1, Tag(1), Tag(2), Tag(3))),
        choice(Tag(4), Tag(5, factor=choice(1, 2))),
    ),
    SHAPE,
)


def test_different_genomes_have_different_numbers():
    encoder = OneHot.fit(SPACE)
    made = [tuple(encoder.encode(genome)) for genome in SPACE.enumerate()]
    assert len(set(made)) == len(made) == SPACE.size == (1 + 2 + 4) * 3 * 3
    assert {len(numbers) for numbers in made} == {len(encoder.names)} and len(set(encoder.names)) == len(encoder.names)
    assert loads(dumps(encoder)) is encoder and OneHot.fit(Space.from_json(SPACE.to_json())) is encoder


@given(templates(reals=True))
def test_it_is_the_spaces_own(template):
    space = Space(template, SHAPE)
    encoder = OneHot.fit(space)
    for seed in range(3):
        genome = space.sample(seed)
        assert encoder.encode(genome) == space.encode(genome) and len(encoder.names) == len(space.encode(genome))


def test_names_say_what_the_numbers_are():
    space = Space(Tag(choice("a", "b", name="letter"), real(1, 3, name="x")), SHAPE)
    encoder = OneHot.fit(space)
    assert encoder.names == ("letter='a'", "letter='b'", "x is active", "x")
    assert encoder.encode({"letter": "b", "x": 2.0}) == [0, 1, 1, 0.5]
    trial = type("Trial", (), {"genome": {"letter": "b", "x": 2.0}})()
    assert encoder.encode(trial) == [0, 1, 1, 0.5]


def test_what_is_no_genome_of_the_space_is_refused():
    encoder = OneHot.fit(SPACE)
    with pytest.raises(GenomeError, match="has no genome"):
        encoder.encode(SPACE.decode(SPACE.sample(0)))
    with pytest.raises(GenomeError, match="no decision for"):
        encoder.encode({})
