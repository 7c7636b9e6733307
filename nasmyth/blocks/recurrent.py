"""From a sequence of features to answers by recurrent layers: one for all of it, one at each step, or a sequence made of it.

    chain(frames=frames(chain(Conv(8), Activation("relu"), Mean("h w"))), answers=recurrent_answers(4))
    fit(build(Graph.of(network, input=(l, c, h, w)), outputs=task.outputs), task)

The answers of a task say which: `Classes(names)` are `recurrent_answers(4)`; `Classes(names, positions=(l,))` are
`recurrent_answers(4, answers="step")`; `Classes(names, positions=(m,))` those of "generated" with length=m.
"""

from __future__ import annotations

from typing import Any

from nasmyth.errors import SpaceError, nearest
from nasmyth.graph.chain import chain
from nasmyth.graph.op import block
from nasmyth.ops import LSTM, Linear, Mean, Repeated

GIVES = {"sequence": "b out", "step": "b l out", "generated": "b length out"}


def _sentence(head: Any) -> str:
    if head.answers not in GIVES:
        raise SpaceError(f"answers={head.answers!r}: one of {', '.join(GIVES)}{nearest(head.answers, tuple(GIVES))}")
    return f"b l d -> {GIVES[head.answers]}"


@block(_sentence)
def recurrent_answers(out: int, answers: str = "sequence", length: int = 1, hidden: int = 32) -> Any:
    """A recurrent layer over a sequence, and `out` logits or values (LRCN; Donahue et al. 2015, arXiv:1411.4389).

    answers: "sequence", one for the whole, of the mean of all states; "step", one at each place, of what came up to there;
        "generated", a sequence of `length` answers that a second recurrent layer makes of the mean of the states of the
        first. Departure: it is given that at each step, and not the answer before, so that it needs no search.
    """
    reader = LSTM(hidden)
    if answers == "step":
        return chain(reader=reader, linear=Linear(out))
    if answers == "sequence":
        return chain(reader=reader, pool=Mean("l"), linear=Linear(out))
    return chain(reader=reader, pool=Mean("l"), again=Repeated(length), writer=LSTM(hidden), linear=Linear(out))


EXAMPLES = [
    (recurrent_answers(3, hidden=4), (5, 4)),
    (recurrent_answers(3, answers="step", hidden=4), (5, 4)),
    (recurrent_answers(3, answers="generated", length=2, hidden=4), (5, 4)),
]
