"""Blocks that answer from what is given with the question: sets to sequences, and known pairs to a function."""

from __future__ import annotations

from typing import Any

from nasmyth.graph.chain import chain, parallel
from nasmyth.graph.op import block
from nasmyth.ops import Activation, ContextAttention, ContextMean, Identity, Linear, Pointer, SetProcess


@block("b l d, targets: b m -> b m l+extra")
def read_process_write(
    width: int = 64, steps: int = 5, extra: int = 0, once: bool = False, cell: str = "lstm", activation: str = "relu"
) -> Any:
    """A set to a sequence of its elements, whatever order it comes in (Vinyals 2016, arXiv:1511.06391, section 4.2).

    read: each element by itself to `width` features. process: `SetProcess` reads them so many `steps`. write: a `Pointer`
    that starts from what was understood.
    """
    read = chain(first=Linear(width), act=Activation(activation), second=Linear(width))
    write = Pointer(width, extra=extra, once=once, cell=cell)
    return chain(read=read, write=parallel(Identity(), SetProcess(steps), join=write))


@block("b c d, queries: b m q, mask?: b c -> b m out")
def neural_process(out: int, width: int = 64, heads: int = 0, activation: str = "relu") -> Any:
    """A function that is known at some places, c pairs of d numbers, answers at others (Garnelo 2018, arXiv:1807.01613).

    Each pair is encoded by itself, a query is told their mean, or with `heads` what it attends to among them (Kim 2019,
    arXiv:1901.05761), and is decoded by itself to `out` numbers: logits, values, or means and log-variances.
    """
    encode = chain(first=Linear(width), act=Activation(activation), second=Linear(width))
    tell = ContextAttention(heads) if heads else ContextMean()
    decode = chain(first=Linear(width), act=Activation(activation), second=Linear(width), again=Activation(activation))
    return chain(encode=encode, tell=tell, decode=decode, answer=Linear(out))


EXAMPLES = [
    (read_process_write(6, steps=2), {"x": (4, 1), "targets": (4,)}),
    (read_process_write(4, steps=1, extra=1, cell="gru"), {"x": (4, 2), "targets": (3,)}),
    (neural_process(2, width=6), {"x": (5, 3), "queries": (4, 1)}),
    (neural_process(3, width=4, heads=2), {"x": (5, 3), "queries": (4, 2), "mask": (5,)}),
]
