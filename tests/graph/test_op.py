"""Binding: which arguments come from the input, and which are design choices."""

import pytest
from core_toys import Tag, Wide, toy_bottle

from nasmyth.errors import DuplicateNameError, ShapeError, SignatureError, SpaceError
from nasmyth.graph import Concat, Graph, Op, block, chain, op, residual
from nasmyth.graph.op import Block, blocks, ops
from nasmyth.space import choice


class Layer:
    """A stand-in for an nn.Module: remembers what it was built with."""

    def __init__(self, c: int, out: int, kernel: int = 3, *, stride: int = 1) -> None:
        self.got = (c, out, kernel, stride)


@pytest.fixture(scope="module")
def conv():
    return op("b c h w -> b out h/stride w/stride", name="BindConv")(Layer)


def test_arguments_standing_alone_are_read_from_the_input(conv):
    assert conv.reads == ("c",) and conv.fields == ("out", "kernel", "stride")
    value = conv(8, stride=2)
    assert value is conv(out=8, stride=2) and repr(value) == "BindConv(8, stride=2)" and isinstance(value, Op)
    assert value.infer((3, 9, 9)) == (8, 5, 5)
    assert value.build((3, 9, 9)).got == (3, 8, 3, 2) and value.arguments((5, 9, 9)) == {
        "c": 5,
        "out": 8,
        "kernel": 3,
        "stride": 2,
    }


def test_is_registered_under_its_name_with_its_docs(conv):
    assert ops.get("BindConv") is conv and conv.__doc__ == Layer.__doc__ and conv.module is Layer


def test_fields_may_hold_holes(conv):
    assert conv(choice(8, 16)).out is choice(8, 16)


def test_wrong_shapes_are_refused_before_building(conv):
    with pytest.raises(ShapeError, match=r"BindConv\(8\): takes the axes \(c h w\)"):
        conv(8).build((3, 9))


def test_signature_may_depend_on_a_field():
    class Over:
        def __init__(self, axes: str = "h w") -> None: ...

    mean = op(lambda self: f"b c h w -> b c {'' if self.axes == 'h w' else 'h'}", name="BindMean")(Over)
    assert mean().infer((3, 4, 5)) == (3,) and mean("w").infer((3, 4, 5)) == (3, 4)


def test_infer_and_check_may_be_functions():
    def refuse(op):
        if op.n == 13:
            raise SpaceError("13 brings bad luck")

    class Pick:
        def __init__(self, n: int) -> None: ...

    pick = op("b c", infer=lambda op, shape: (op.n, *shape), check=refuse, name="BindPick")(Pick)
    assert pick(3).infer((5,)) == (3, 5)
    with pytest.raises(SpaceError, match="bad luck"):
        pick(13)


def test_classes_without_a_constructor_have_no_fields():
    class Plain:
        pass

    class Torchlike:
        def __init__(self, *args, **kwargs): ...

    assert (
        op("b c -> b c", name="BindPlain")(Plain).fields
        == op("b c -> b c", name="BindTorchlike")(Torchlike).fields
        == ()
    )


def test_what_cannot_be_a_field_is_refused():
    class Starred:
        def __init__(self, c, *rest): ...

    class Taken:
        def __init__(self, c, infer): ...

    with pytest.raises(SignatureError, match=r"\*rest cannot be a design choice"):
        op("b c -> b c")(Starred)
    with pytest.raises(SignatureError, match="cannot be called 'infer'"):
        op("b c -> b c")(Taken)


def test_a_taken_name_is_refused():
    class Wide:
        def __init__(self, c): ...

    with pytest.raises(DuplicateNameError, match="'Wide' is taken by core_toys.Wide"):
        op("b c -> b c")(Wide)


def test_without_a_module_nothing_is_built():
    with pytest.raises(ShapeError, match="no module"):
        Wide(3).build((2, 4, 4))


def test_blocks_read_widths_and_keep_choices():
    assert toy_bottle.reads == ("c",) and toy_bottle.fields == ("expand", "kernel") and issubclass(toy_bottle, Block)
    assert blocks.get("toy_bottle") is toy_bottle and toy_bottle(3) is toy_bottle(expand=3)
    assert toy_bottle(3).unfold((4, 8, 8)) is residual(Wide(12, kernel=3), Wide(4, kernel=1))
    assert Graph.of(toy_bottle(3), (4, 8, 8)) == Graph.of(residual(Wide(12, kernel=3), Wide(4, kernel=1)), (4, 8, 8))


def test_blocks_are_plain_python_once_the_input_is_known():
    @block("b c h w -> b out h/stride w/stride", name="bind_block")
    def skipping(c, out, stride=1):
        body = chain(Wide(out, stride=stride))
        return residual(body) if stride == 1 and c == out else body

    assert len(Graph.of(skipping(4), (4, 8, 8)).nodes) == 3 and len(Graph.of(skipping(5), (4, 8, 8)).nodes) == 2


def test_blocks_are_held_to_their_declared_output():
    @block("b c h w -> b c h w", name="bind_liar")
    def liar(c):
        return Wide(c + 1)

    with pytest.raises(ShapeError, match=r"bind_liar\(\) declares \(4, 8, 8\) and gives \(5, 8, 8\).*at middle"):
        Graph.of(chain(Tag(), middle=liar()), (4, 8, 8))


@pytest.mark.parametrize("axis", ["h", 0, None])
def test_concat_knows_two_axes(axis):
    with pytest.raises(SpaceError, match="axis is 'c'"):
        Concat(axis)


def test_concat_joins_what_may_differ():
    assert Concat().infer((2, 4, 4), (3, 4, 4)) == (5, 4, 4) and Concat("d").infer((4, 2), (4, 3), (4, 1)) == (4, 6)
    for axis, shapes in (("c", ((2, 4), (2, 5))), ("d", ((2, 4), (3, 4)))):
        with pytest.raises(ShapeError, match=f"differ only in axis {axis}"):
            Concat(axis).infer(*shapes)
