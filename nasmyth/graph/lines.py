"""A graph as compact text, one line a node, that reads back as the same graph: for people, for diffs, for language models.

    0: input 3x32x32
    1: Conv(out=16, kernel=5) <- 0
    2: BatchNorm() <- 1
    3: Add() <- 1, 2

A line is a number, an op with what differs from its defaults, and the numbers of the lines that it reads. Two additions
are optional, and both are read back: `-> 16x32x32`, the shape that comes out, which is then checked; and `@stem.conv`,
the address, from which the layer and its weights get their name. Lines of one address share one module; without
addresses, only those that share have one, made up. `#` begins a comment.

ONNX-Net (2025) serialises ONNX graphs to text of this kind, so that one language model predicts figures of networks from
any space. Nothing is ever evaluated: ops are looked up by name among those that are registered.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from nasmyth.errors import NasmythError, ShapeError
from nasmyth.graph.flat import Node, checked_address, input_nodes, inputs_in
from nasmyth.graph.inputs import Entry, Inputs, Spec, checked_inputs
from nasmyth.graph.joins import Input
from nasmyth.graph.op import Op, ops
from nasmyth.kinds import shown
from nasmyth.record import MAX_DEPTH, Value, from_json, is_open, to_json
from nasmyth.units import is_whole

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<shape>[0-9]+(?:x[0-9]+)+)(?![\w.])
    |(?P<number>[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)(?![\w.])
    |(?P<word>[^\W\d]\w*)
    |(?P<mark><-|->|[(),:=])
    |(?P<address>@\s*[^\s#][^#]*)
    |(?P<comment>\#.*))""",
    re.VERBOSE,
)
_DIGITS = 20
"""Of a whole number: what 64 bits hold."""
_WORDS: dict[str, Any] = {"True": True, "False": False, "None": None}


# --- writing ----------------------------------------------------------------------------------------------------------


def to_lines(nodes: Sequence[Node], *, addresses: bool = False, shapes: bool = False) -> str:
    """The nodes of a graph as text (see the top of this file). Raises ValueError for an op that holds an infinity or NaN."""
    names = _names(nodes, addresses)
    inputs = inputs_in(nodes)
    first = len(inputs)
    lines = [f"{i}: input {_entry(entry, inputs.plain)}" for i, entry in enumerate(inputs)]
    for number, node in enumerate(nodes[first:], first):
        line = f"{number}: {_written(to_json(node.op))} <- {', '.join(map(str, node.inputs))}"
        line += f" -> {_shape(node.shape)}" if shapes else ""
        lines.append(line + (f" @{names[number]}" if names.get(number) else ""))
    return "\n".join(lines)


def _names(nodes: Sequence[Node], addresses: bool) -> dict[int, str]:
    """What is written behind an @: every address, or a letter and a number for each module that several nodes share."""
    uses = Counter(node.address for node in nodes if node.inputs)
    if addresses:
        return {i: node.address for i, node in enumerate(nodes) if node.inputs}
    shared = {address: f"w{i}" for i, address in enumerate((a for a, n in uses.items() if n > 1), 1)}
    return {i: shared[node.address] for i, node in enumerate(nodes) if node.inputs and node.address in shared}


def _entry(entry: Entry, plain: bool) -> str:
    """ "3x32x32", or "edges 2x10556 int" of an input with a name."""
    return _shape(entry.shape) if plain else f"{entry.name} {_shape(entry.shape)} {entry.dtype}"


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _written(data: Any) -> str:
    """JSON data of a frozen value as a call."""
    if isinstance(data, dict):
        return f"{data['$']}({', '.join(f'{name}={_written(v)}' for name, v in data.items() if name != '$')})"
    if isinstance(data, list):
        return f"({', '.join(map(_written, data))}{',' if len(data) == 1 else ''})"
    if isinstance(data, str):
        return json.dumps(data, ensure_ascii=False)
    return repr(data)


# --- reading ----------------------------------------------------------------------------------------------------------


def from_lines(text: str) -> tuple[Node, ...]:
    """The nodes that `to_lines` wrote. Shapes are inferred again.

    Raises NasmythError, ShapeError or UnknownNameError, which name the line, the token, and what was expected.
    """
    if not isinstance(text, str):
        raise NasmythError(f"a graph is read from a text, got {shown(text)}")
    nodes: list[Node] = []
    places: dict[int, int] = {}  # the number that a line has, and the place of its node
    for count, line in enumerate(re.split(r"\r?\n", text), 1):
        tokens = _tokens(line, count)
        if tokens[0].kind == "end":
            continue
        reader = _Line(tokens, count)
        number = reader.number("the number of the node, such as '3:'")
        reader.take("mark", ":")
        if number in places:
            raise reader.error(tokens[0], "a number that no other line has")
        nodes.append(reader.node(nodes, places) if nodes and not reader.enters(nodes) else reader.input(nodes))
        places[number] = len(nodes) - 1
    if not nodes:
        raise NasmythError("the text of a graph is empty; it begins with its input, such as '0: input 3x32x32'")
    return _named(nodes)


def _named(nodes: list[Node]) -> tuple[Node, ...]:
    """Nodes that came without an address get one of their own."""
    taken, named = {node.address for node in nodes}, []
    for i, node in enumerate(nodes):
        address = node.address or f"n{i}"
        while not node.address and address in taken:
            address += "_"
        named.append(node._replace(address=address))
    return tuple(named)


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


def _tokens(line: str, count: int) -> list[_Token]:
    """The tokens of a line, and one that stands for its end."""
    found, at, end = [], 0, len(line.rstrip())
    while at < end:
        match = _TOKEN.match(line, at)
        if match is None:
            column = at + len(line[at:]) - len(line[at:].lstrip())
            raise NasmythError(f"line {count}, column {column + 1}: cannot read {line[column:].split(maxsplit=1)[0]!r}")
        kind = str(match.lastgroup)
        if kind != "comment":
            found.append(_Token(kind, match[kind].strip(), match.start(kind)))
        at = match.end()
    return [*found, _Token("end", "the end of the line", end)]


class _Line:
    """Reads the tokens of one line from left to right."""

    def __init__(self, tokens: list[_Token], count: int) -> None:
        self.tokens, self.count, self.at, self.levels = tokens, count, 0, 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def error(self, token: _Token, expected: str) -> NasmythError:
        said = token.text if token.kind == "end" else repr(token.text)
        return NasmythError(f"line {self.count}, column {token.column + 1}: {said}, expected {expected}")

    def take(self, kind: str, text: str = "", expected: str = "") -> _Token:
        token = self.next
        if token.kind != kind or (text and token.text != text):
            raise self.error(token, expected or repr(text))
        self.at += 1
        return token

    def took(self, kind: str, text: str = "") -> bool:
        """Whether the next token is this one; if so, it is taken."""
        found = self.next.kind == kind and text in ("", self.next.text)
        self.at += found
        return found

    def number(self, expected: str) -> int:
        token = self.take("number", "", expected)
        if not is_whole(token.text):
            raise self.error(token, expected)
        return self.whole(token)

    def whole(self, token: _Token, text: str = "") -> int:
        """A token, or a part of it, as a whole number."""
        text = text or token.text
        if len(text) > _DIGITS:
            raise self.error(token, f"a number of at most {_DIGITS} digits")
        return int(text)

    def enters(self, nodes: list[Node]) -> bool:
        """Whether this line is another input, behind one that has a name."""
        named = all(isinstance(node.op, Input) for node in nodes) and nodes[0].address != "input"
        return named and self.next.text == "input"

    def input(self, nodes: list[Node]) -> Node:
        """A line that says what enters: `input 3x32x32`, or `input edges 2x10556 int`."""
        self.take("word", "input", "the input of the graph first, such as '0: input 3x32x32'")
        name = self.next
        if nodes or (name.kind == "word" and name.text != "scalar"):
            self.take("word", "", "the name of the input")
            if any(node.op.name == name.text for node in nodes if isinstance(node.op, Input)):
                raise self.error(name, "a name that no other input has")
            entry = Entry(name.text, self.shape(), self.take("word", "", "'float', 'int' or 'bool'").text)
            try:
                made = Inputs(checked_inputs({entry.name: Spec(*entry[1:])}))
            except NasmythError as error:
                raise type(error)(f"line {self.count}: {error}") from None
            self.take("end", "", "nothing more")
            return input_nodes(made)[0]._replace(address=f"input {entry.name}")
        shape = self.shape()
        self.take("end", "", "nothing more")
        return input_nodes(checked_inputs(shape))[0]

    def node(self, nodes: list[Node], places: dict[int, int]) -> Node:
        """Any other line. `places` are the numbers of the lines above."""
        start = self.next
        op = self.value()
        if not isinstance(op, Op) or isinstance(op, Input) or is_open(op):
            raise self.error(start, "an op, such as 'Conv(out=16)'")
        self.take("mark", "<-", "'<-' and the numbers of the nodes that it reads")
        inputs = [self.place(places)]
        while self.took("mark", ","):
            inputs.append(self.place(places))
        try:
            shape = op.infer(*(nodes[i].shape for i in inputs))
        except NasmythError as error:
            raise type(error)(f"line {self.count}: {error}") from None
        arrow = self.next
        if self.took("mark", "->") and self.shape() != shape:
            raise ShapeError(f"line {self.count}, column {arrow.column + 1}: {op!r} gives {_shape(shape)} here")
        address = self.address(op, nodes)
        self.take("end", "", "the end of the line")
        return Node(op, tuple(inputs), shape, address)

    def place(self, places: dict[int, int]) -> int:
        token = self.next
        number = self.number("the number of a node")
        if number not in places:
            raise self.error(token, "the number of a line above")
        return places[number]

    def address(self, op: Op, nodes: list[Node]) -> str:
        token = self.next
        if not self.took("address"):
            return ""
        address = checked_address(token.text[1:].strip())
        other = next((node.op for node in nodes if node.address == address), op)
        if other is not op:
            raise self.error(token, f"another address: that one is of {other!r}, and one address is one module")
        return address

    def shape(self) -> tuple[int, ...]:
        if self.took("word", "scalar"):
            return ()
        token = self.next
        if not (self.took("shape") or self.took("number")) or not all(map(is_whole, token.text.split("x"))):
            raise self.error(token, "a shape, such as 3x32x32")
        return tuple([self.whole(token, length) for length in token.text.split("x")])

    # --- values: what may stand in an op's field ---

    def value(self) -> Any:
        token = self.next
        self.levels += 1
        if self.levels > MAX_DEPTH:
            raise self.error(token, f"at most {MAX_DEPTH} brackets within each other")
        found = self.any_value(token)
        self.levels -= 1
        return found

    def any_value(self, token: _Token) -> Any:
        self.at += 1
        if token.kind == "number":
            return self.whole(token) if re.fullmatch(r"[-+]?[0-9]+", token.text) else self.finite(token)
        if token.kind == "string":
            return self.string(token)
        if token.kind == "word":
            return self.call(token) if self.took("mark", "(") else self.constant(token)
        if token == (token.kind, "(", token.column):
            return self.sequence()
        raise self.error(token, "a value: a number, a \"string\", True, (1, 2) or an op such as 'Conv(out=16)'")

    def finite(self, token: _Token) -> float:
        number = float(token.text)
        if not math.isfinite(number):
            raise self.error(token, "a finite number")
        return number

    def string(self, token: _Token) -> str:
        text = token.text
        if text[0] == "'":  # as Python writes most strings
            text = '"' + text[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
        try:
            return str(json.loads(text))
        except json.JSONDecodeError:
            raise self.error(token, 'a string as JSON writes it, such as "relu"') from None

    def constant(self, token: _Token) -> Any:
        if token.text not in _WORDS:
            raise self.error(token, f"True, False, None, or {token.text}(...)")
        return _WORDS[token.text]

    def sequence(self) -> Any:
        items = []
        while not self.took("mark", ")"):
            items.append(self.value())
            if not self.took("mark", ","):
                self.take("mark", ")", "',' or ')'")
                break
        return tuple(items)

    def call(self, name: _Token) -> Any:
        """A frozen value: fields by name; those of an op also in their order."""
        fields: dict[str, Any] = {}
        order = ops.get(name.text).fields if name.text in ops else ()
        while not self.took("mark", ")"):
            token = self.next
            named = token.kind == "word" and self.tokens[self.at + 1].text == "="
            if named:
                self.at += 2
            elif len(fields) >= len(order):
                raise self.error(token, f"a field by its name, such as {name.text}(out=16)")
            field = token.text if named else order[len(fields)]
            if field in fields:
                raise self.error(token, f"each field once, and {field} was given")
            fields[field] = self.value()
            if not self.took("mark", ","):
                self.take("mark", ")", "',' or ')'")
                break
        return self.made(name, fields)

    def made(self, name: _Token, fields: dict[str, Any]) -> Value:
        try:
            value: Value = from_json({"$": name.text, **{field: to_json(v) for field, v in fields.items()}})
            return value
        except NasmythError as error:
            self.blame(error, name)

    def blame(self, error: NasmythError, token: _Token) -> NoReturn:
        """The same error, with its place."""
        raise type(error)(f"line {self.count}, column {token.column + 1}: {error}") from None
