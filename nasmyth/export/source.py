"""Plain PyTorch source: a network as the file that a person would have written.

The file imports torch and the standard library. It holds the classes of its layers, a `Net` with one line a layer, what
turns raw input into what `Net` takes, and a reader for its weights, which are beside it in .safetensors (the file that
`Network.save` writes).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nasmyth.errors import ExportError
from nasmyth.export import Written, alone, readers
from nasmyth.export.ends import classifies, constants, construct_ends, raw_reader
from nasmyth.export.literals import identifier, literal, prose
from nasmyth.export.paste import Paste
from nasmyth.export.verify import agree, difference, examples, expect, exportable
from nasmyth.files import replacing
from nasmyth.forms.strings import Strings
from nasmyth.graph.frames import Framewise
from nasmyth.graph.signature import Shape
from nasmyth.network.names import Group, places
from nasmyth.network.names import Path as Place
from nasmyth.network.pipeline import names_of
from nasmyth.network.save import to_bytes
from nasmyth.network.terms import gives, takes_raw

if TYPE_CHECKING:
    from nasmyth.graph import Node
    from nasmyth.network.network import Network

LONGEST = 4_000
"""Characters in which a docstring says what a network takes."""
RESERVED = ("ANSWER", "COLUMNS", "CLASSES", "PREPARE", "Net", "load", "main", "predict", "stored")


def write(network: Network, path: Path) -> Written:
    network = exportable(network)
    weights = path.with_suffix(".safetensors")
    text = source(network, path.stem)
    batches = [examples(network, n, seed=n) for n in (5, 1)]
    expected = [expect(network, raw) for raw in batches]
    with replacing(path, weights.name, path.name) as folder:
        (folder / weights.name).write_bytes(to_bytes(network))
        (folder / path.name).write_text(text, encoding="utf-8")
        answers = _answers(network, folder / path.name, batches)
        far = agree("source file", [difference(e, a) for e, a in zip(expected, answers, strict=True)])
    return Written((path, weights), far, f"imports torch only: python {path.name}, or {path.stem}.predict(raw)")


def source(network: Network, name: str) -> str:
    """The text of the file. Raises ExportError for a layer whose source cannot be pasted."""
    paste = Paste(RESERVED)
    calls = _constructions(network, paste)
    prepare, answer = construct_ends(network, paste)
    reader = paste.add(readers.read_safetensors)
    group = paste.add(Group)
    raw = raw_reader(network, paste)
    torch_name, path_name = paste.need("torch"), paste.need("pathlib", "Path")
    net = _net(network, calls, group)
    tail = _tail(network, reader, torch_name, path_name)
    parts = [
        _docstring(network, name),
        "from __future__ import annotations",
        "\n".join(paste.imports),
        "\n".join(constants(network)),
        *(f"\n{text}" for text in paste.texts),
        f"\n{net}",
        f"\n{prepare}\n{answer}",
        f"\n{raw}",
        f"\n{tail}",
        f"\n{_MAIN}",
    ]
    return "\n\n".join(part for part in parts if part.strip()) + "\n"


def _docstring(network: Network, name: str) -> str:
    count = sum(p.numel() for p in network.parameters())
    name = prose(name)
    uses = [(f"python {name}.py", "what it is")]
    if name.isidentifier():
        uses.append((f"from {name} import predict", _usage(network)))
    text = (
        f"{name}: {count:,} parameters, made by Nasmyth (graph {network.graph.key}). Imports torch only.\n\n"
        f"Takes {prose(takes_raw(network), LONGEST)}.\nGives {prose(gives(network), LONGEST)}.\n\n"
        + "".join(f"    {what:<40} {why}\n" for what, why in uses)
        + f"\nThe weights are in {name}.safetensors beside this file.\n"
    )
    return f'"""{text}"""'


def _usage(network: Network) -> str:
    return "labels, probabilities = predict(raw)" if classifies(network) else "values = predict(raw)"


# --- layers -------------------------------------------------------------------------------------------------------


def _constructions(network: Network, paste: Paste) -> dict[str, str]:
    """For each address the expression that constructs its module, such as "Conv(3, out=16, kernel=5)"."""
    nodes, calls = network.graph.nodes, {}
    for node in nodes:
        if node.inputs and node.address not in calls:
            shapes = tuple(nodes[i].shape for i in node.inputs)
            calls[node.address] = _construction(node.op, shapes, paste, node.address)
    return calls


def _construction(op: Any, shapes: tuple[Shape, ...], paste: Paste, address: str) -> str:
    """The expression for one op; of a layer on frames, with that of the layer in it."""
    if op.module is None:
        raise ExportError(f"{op!r} at {address} has no module, so no source")
    name = paste.add(op.module)
    if isinstance(op, Framewise):
        return f"{name}({_construction(op.layer, op.of_frames(*shapes), paste, address)})"
    return _call(name, op.module, op.arguments(*shapes), address)


def _call(name: str, module: type, arguments: dict[str, Any], address: str) -> str:
    """A constructor call with the arguments that differ from their defaults."""
    defaults = {p.name: p.default for p in inspect.signature(module.__init__).parameters.values()}  # type: ignore[misc]
    shown = []
    for argument, value in arguments.items():
        try:
            written = literal(value)
        except ExportError as error:
            raise ExportError(f"{argument} of {name} at {prose(address)}: {error}") from None
        if type(value) is not type(defaults[argument]) or repr(value) != repr(defaults[argument]):
            shown.append(f"{identifier(argument)}={written}")
    return f"{name}({', '.join(shown)})"


def _net(network: Network, calls: dict[str, str], group: str) -> str:
    nodes = network.graph.nodes
    paths = places(calls)
    built = [*_groups(paths, calls, group)]
    taken = [identifier(name) for name in network.graph.inputs.names]
    lines = [
        f"class Net({group}):",
        f'    """{", ".join(_shape(node) for node in nodes if not node.inputs)} to {_shape(nodes[-1])}: prepared input '
        f'to the last layer\'s output."""',
        "",
        "    def __init__(self):",
        "        super().__init__()",
        *(f"        {line}" for line in built),
        "",
        f"    def forward(self, {', '.join(taken)}):  # {', '.join(_shape(node) for node in nodes[: len(taken)])}",
        *(f"        {line}" for line in _forward(nodes, paths, taken)),
    ]
    return "\n".join(lines)


def _groups(paths: dict[str, Place], calls: dict[str, str], group: str) -> Iterator[str]:
    made: set[Place] = set()
    for address, path in paths.items():
        for n in range(1, len(path)):
            if path[:n] not in made:
                made.add(path[:n])
                yield f"{_attribute(path[:n])} = {group}()"
        yield f"{_attribute(path)} = {calls[address]}"


def _attribute(path: Place) -> str:
    """Where a module is inside `Net`: "self.stages[1].conv", "self[0]"."""
    return "self" + "".join(f"[{int(part)}]" if part.isdecimal() else f".{identifier(part)}" for part in path)


def _forward(nodes: tuple[Node, ...], paths: dict[str, Place], taken: list[str]) -> Iterator[str]:
    """One line a node. Values are called x, a, b, ...: a name is free again once nothing reads its value."""
    last = {i: n for n, node in enumerate(nodes) for i in node.inputs}
    held: dict[int, str] = dict(enumerate(taken))
    lines = []
    for n, node in enumerate(nodes[len(taken) :], len(taken)):
        given = ", ".join(held[i] for i in node.inputs)
        for i in node.inputs:
            if last[i] == n:
                held.pop(i, None)
        held[n] = next(name for name in _variables() if name not in held.values() and name not in taken[1:])
        lines.append((f"{held[n]} = {_attribute(paths[node.address])}({given})", _shape(node)))
    width = min(max(len(line) for line, _ in lines), 72)
    for line, shape in lines:
        yield f"{line:<{width}}  # {shape}"
    yield f"return {held[len(nodes) - 1]}"


def _variables() -> Iterator[str]:
    yield "x"
    for n in range(10**6):
        yield "abcdefgh"[n % 8] + (str(n // 8) if n >= 8 else "")


def _shape(node: Node) -> str:
    return f"(N, {', '.join(map(literal, node.shape))})"


# --- answering -------------------------------------------------------------------------------------------------------


def _tail(network: Network, reader: str, torch_name: str, path_name: str) -> str:
    prepared = "part" if network.inputs is None else "PREPARE(part)"
    answer = f"net({prepared})" if network.outputs is None else f"ANSWER(net({prepared}))"
    lines = [
        f'def load(path={path_name}(__file__).with_suffix(".safetensors")):',
        '    """The network with its weights, ready to answer."""',
        "    net = Net()",
        f"    net.load_state_dict({reader}(path))",
        "    return net.eval()",
        "",
        "",
        f"@{torch_name}.no_grad()",
        "def predict(raw, net=None, batch=256):",
        f'    """{prose(gives(network), LONGEST)}, for raw input (see the top of this file)."""',
        "    net = load() if net is None else net",
        *_batches(network, answer),
    ]
    if classifies(network):
        lines += [
            f"    probabilities = {torch_name}.cat([probability for _, probability in answers])",
            f"    labels = [{_named(len(network.outputs.shape) - 1)} for label, _ in answers for i in label.tolist()]",
            "    return labels, probabilities",
        ]
    else:
        lines.append(f"    return {torch_name}.cat(answers)")
    return "\n".join(lines)


def _named(positions: int) -> str:
    """The class of an index, or of those of the positions of an example; where a string says nothing there is none."""
    said = " if i >= 0" if positions == 1 else ""
    return f"[{_named(positions - 1)} for i in i{said}]" if positions else "CLASSES[i]"


def _batches(network: Network, answer: str) -> Iterator[str]:
    """The lines that go through raw input batch by batch."""
    names = names_of(network)
    if not names and len(network.graph.inputs) == 1:
        yield f"    answers = [{answer} for part in stored(raw).split(batch)]"
    elif not names:
        yield f"    answers = [{answer.replace('net(', 'net(*')} for part in stored(raw).split(batch)]"
    else:
        whole = "{name: x[i : i + batch] for name, x in given.items()}"
        given = "*part.values()" if network.inputs is None else "*PREPARE(part)"
        called = f"net({given})" if network.outputs is None else f"ANSWER(net({given}))"
        yield "    given = stored(raw)"
        yield f"    parts = ({whole} for i in range(0, len(given[{literal(names[0])}]), batch))"
        yield f"    answers = [{called} for part in parts]"


_MAIN = """\
if __name__ == "__main__":
    print(__doc__.strip())
    net = load()
    print(f"\\n{sum(p.numel() for p in net.parameters()):,} parameters loaded; layers:\\n{net}")"""


# --- checking ---------------------------------------------------------------------------------------------------------


def _answers(network: Network, file: Path, batches: list[Any]) -> list[Any]:
    """What the file's `predict` says to raw input, with labels as class indices again."""
    try:
        given = alone.answers(file, batches)
        return [_compared(network, answer) for answer in given]
    except (RuntimeError, LookupError, TypeError, ValueError) as error:
        raise ExportError(f"not written: the source file fails: {error}") from None


def _compared(network: Network, answer: Any) -> Any:
    if not classifies(network):
        return answer
    labels, probabilities = answer
    if isinstance(network.outputs, Strings):  # which tell no places: they have to be those of the probabilities
        said = network.outputs.module()(probabilities.log())[0]
        told = [[network.outputs.names[i] for i in row if i >= 0] for row in said.tolist()]
        if told != labels:
            raise ValueError(f"it answers {labels[:1]} where its probabilities say {told[:1]}")
        return said, probabilities
    places_of = {name: i for i, name in enumerate(network.outputs.labels)}

    def indices(label: Any) -> Any:
        return [indices(one) for one in label] if isinstance(label, list) else places_of[label]

    return torch.tensor(indices(labels)), probabilities
