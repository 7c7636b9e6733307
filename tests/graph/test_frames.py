"""A template on each frame of a sequence: the same as on the frames one by one."""

import pytest
import torch

from nasmyth import Graph, Space, chain, choice, frames, residual
from nasmyth.blocks import basic_block, recurrent_answers
from nasmyth.errors import ShapeError, SpaceError
from nasmyth.export.alone import answers
from nasmyth.graph import parallel
from nasmyth.graph.joins import Concat
from nasmyth.measure import macs, params
from nasmyth.network import build
from nasmyth.ops import Activation, BatchNorm, Conv, Linear, Mean

torch.set_num_threads(1)

ENCODER = chain(
    stem=Conv(4), norm=BatchNorm(), act=Activation("relu"), body=residual(Conv(4)), block=basic_block(4),
    both=parallel(Conv(2), Conv(3), join=Concat()), pool=Mean("h w"), out=Linear(6),
)  # fmt: skip


def test_frames_are_encoded_one_by_one():
    whole = build(Graph.of(frames(ENCODER), input=(5, 2, 6, 4))).eval()
    each = build(Graph.of(ENCODER, input=(2, 6, 4))).eval()
    each.load_state_dict({"".join(name.rsplit("layer.", 1)): value for name, value in whole.state_dict().items()})
    x = torch.randn(3, 5, 2, 6, 4)
    with torch.no_grad():
        assert torch.allclose(whole(x), torch.stack([each(one) for one in x.unbind(1)], 1), atol=1e-6)


def test_costs_are_those_of_a_frame_as_often_as_there_are_frames():
    whole, each = Graph.of(frames(ENCODER), input=(5, 2, 6, 4)), Graph.of(ENCODER, input=(2, 6, 4))
    assert whole.output == (5, 6) and params(whole) == params(each) and macs(whole) == 5 * macs(each)
    assert [node.address for node in whole.nodes] == [node.address for node in each.nodes]


def test_holes_within_are_holes_of_the_space():
    space = Space(
        frames(chain(Conv(choice(2, 4)), Mean("h w"), choice(Linear(3), Activation("relu")))), input=(5, 1, 4, 4)
    )
    assert space.size == 4 and {graph.output for graph in map(space.decode, space.enumerate())} == {
        (5, 3),
        (5, 2),
        (5, 4),
    }


def test_widths_within_are_groups():
    graph = Graph.of(frames(chain(a=Conv(4), b=Conv(3))), input=(2, 1, 4, 4))
    assert {str(member) for member in graph.axes["a.out"].members} >= {"a.layer.weight[0]", "b.layer.weight[1]"}


@pytest.mark.parametrize(("answer", "shape"), [("sequence", (3,)), ("step", (5, 3)), ("generated", (2, 3))])
def test_heads(answer, shape):
    head = recurrent_answers(3, answers=answer, length=2, hidden=4)
    graph = Graph.of(chain(frames=frames(chain(Conv(2), Mean("h w"))), head=head), input=(5, 1, 4, 4))
    assert graph.output == shape
    assert build(graph)(torch.randn(2, 5, 1, 4, 4)).shape == (2, *shape)


def test_a_graph_of_frames_is_saved_and_exported(tmp_path):
    network = build(
        Graph.of(chain(frames(chain(Conv(2), Mean("h w"))), recurrent_answers(3, hidden=4)), input=(3, 1, 4, 4))
    )
    assert Graph.from_json(network.graph.to_json()).key == network.graph.key
    network.save(tmp_path / "net.safetensors")
    x = torch.randn(2, 3, 1, 4, 4)
    assert torch.equal(type(network).load(tmp_path / "net.safetensors")(x), network.eval()(x))
    network.export(tmp_path / "net.py")
    (found,) = answers(tmp_path / "net.py", [x])
    assert torch.allclose(torch.as_tensor(found), network(x), atol=1e-5)


def test_what_has_no_frames_is_refused():
    with pytest.raises(ShapeError, match=r"Linear\(3\).*takes l frames first.*leave out frames"):
        Graph.of(frames(parallel(Linear(3), Linear(3))), input=())
    with pytest.raises(SpaceError, match="frames"):
        frames(Conv)
    with pytest.raises(SpaceError, match="one of sequence, step, generated; did you mean 'step'"):
        Graph.of(recurrent_answers(3, answers="steps"), input=(5, 4))
