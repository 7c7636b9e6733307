from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nasmyth.network.names import SELF, Group, expression, path_of, places, put

NAMES = st.one_of(
    st.sampled_from(["conv", "train", "train_", "train__", "_self", "_self_", "class", "half", "type", "0", "_", "__",
                     "_x61", "_x61_", "a-b", "é", "__init__", "__init___", "graph", "forward", "weight"]),
    st.text(st.characters(codec="utf-8", exclude_characters=".[]"), min_size=1, max_size=4),
)  # fmt: skip
ADDRESSES = st.lists(st.one_of(NAMES, st.integers(0, 12)), max_size=4)


def spelt(parts):
    """The address that `below` would make of these parts."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".")


def test_known_addresses():
    assert path_of("stages[1].conv") == ("stages", "1", "conv")
    assert path_of("[0].n3.from1") == ("0", "n3", "from1")
    assert path_of("train[0].class") == ("train_", "0", "class_")
    assert expression(("stages", "1", "conv")) == "stages[1].conv"


@given(st.sets(ADDRESSES.map(spelt), max_size=8))
def test_every_address_has_its_own_place_and_every_place_can_be_made(addresses):
    found = places(addresses)
    assert len(set(found.values())) == len(addresses)
    for a, b in combinations(found.values(), 2):
        assert a != b[: len(a)] and b != a[: len(b)], "a module inside a module"
    root, layers = Group(), {address: nn.Identity() for address in addresses}
    for address, path in found.items():
        put(root, path, layers[address])
    for address, path in found.items():
        assert root.get_submodule(".".join(path)) is layers[address]


@given(ADDRESSES.map(spelt))
def test_a_place_is_an_expression_of_python(address):
    path = places([address])[address]
    root, layer = Group(), nn.Identity()
    put(root, path, layer)
    text = expression(path)
    assert eval(f"root{text}" if text.startswith("[") else f"root.{text}") is layer


def test_an_address_inside_another_keeps_both_modules():
    found = places(["body", "body[0]", "body[0].conv", ""])
    assert found == {"body": ("body", SELF), "body[0]": ("body", "0", SELF), "body[0].conv": ("body", "0", "conv"),
                     "": (SELF,)}  # fmt: skip


@pytest.mark.parametrize("address", ["a..b", "a[01]", "[", "a[x]", ".a", "a]"])
def test_what_is_no_address_is_one_name(address):
    assert len(path_of(address)) == 1
