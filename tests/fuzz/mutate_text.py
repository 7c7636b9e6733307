"""Text that is nearly what is expected, and text that is nothing like it."""

from __future__ import annotations

import random

STRANGE = (
    "", " ", "²", "½", "٣", "−1", "∞", "1e999", "-0", "nan", "inf", "None", "0x10", "1_000", "١٠", "\x00", "\n", "\t",
    "\x1b[31m",
    "\udcff", "’", "💥", "a" * 5000, "9" * 400, "(" * 200, "[" * 200, "../../etc/passwd", "/dev/zero", "/dev/stdin", "~",
    "$(touch pwned)",
    "__import__('os').system('touch pwned')", "{0.__class__}", "%s%n", "<script>", "';--", "*", "#", "##", "@", "@@",
    "<=", "<=<=", "==",
    ":", "::", ".py:", ".", "..", "-", "--", "=", ",", ",,", "True", "{}", "[]", "()", "lambda: 0", "k", "M", "%", "s",
    "ms", "trials",
)  # fmt: skip


def mutated(text: str, rng: random.Random) -> str:
    """`text` with one to four edits: cut, doubled, swapped, and strange pieces put in."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        at, to = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        edit = rng.randrange(7)
        if edit == 0:
            text = text[:at] + text[to:]
        elif edit == 1:
            text = text[:at] + rng.choice(STRANGE) + text[at:]
        elif edit == 2:
            text = text[:at] + rng.choice(STRANGE) + text[to:]
        elif edit == 3:
            text = text[:to] + text[at:]
        elif edit == 4 and text:
            at = min(at, len(text) - 1)
            text = text[:at] + chr(rng.choice((rng.randrange(1, 128), rng.randrange(0xA0, 0x2FFF)))) + text[at + 1 :]
        elif edit == 5:
            text = text.upper() if rng.random() < 0.5 else text[::-1]
        else:
            text = rng.choice(STRANGE)
    return text
