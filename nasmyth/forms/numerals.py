"""Numbers as people write them: 12.3%, $1,234.50, 1.234,56 €, (1,234), 1 234.

How a column writes its numbers is told once, from all of its training texts together, and kept as its *notation*:

    ""          as Python reads them: 12.3, -1e5 (1.234 alone is one and a bit)
    "." or ","  the mark before the fraction; the other marks, and spaces, part thousands
    ".%" ",%"   the same, of percentages: 12.3% is 0.123

The functions here use nothing but the standard library: their source is pasted into exported files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

NOTATIONS = ("", ".", ",", ".%", ",%")
MISSING = frozenset({"", "?", "-", "--", ".", "na", "n/a", "nan", "none", "null", "missing", "unknown"})
"""Texts that stand for a missing number."""

_MONEY = "$€£¥₹₩₽₺₴₫₪฿¢"
_CODES = "USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|SEK|NOK|DKK|PLN|CZK|BRL|MXN|KRW|RUB|TRY|ZAR"
_AROUND = re.compile(rf"^(?:{_CODES}|[{_MONEY}])|(?:{_CODES}|[{_MONEY}])$")
_POINT = re.compile(
    r"(?:[0-9]+|[1-9][0-9]{0,2}(?:([,' \u00a0\u2009\u202f])[0-9]{3})(?:\1[0-9]{3})*)(?:\.[0-9]*)?|\.[0-9]+"
)
_COMMA = re.compile(
    r"(?:[0-9]+|[1-9][0-9]{0,2}(?:([.' \u00a0\u2009\u202f])[0-9]{3})(?:\1[0-9]{3})*)(?:,[0-9]*)?|,[0-9]+"
)


def numeral(text, notation):
    """The number that a text writes in a notation, or None."""
    try:
        if not notation:
            return float(text)
    except ValueError:
        return None
    bare, sign = text.strip().replace("\u2212", "-"), 1.0
    if bare.startswith("(") and bare.endswith(")"):
        bare, sign = bare[1:-1].strip(), -1.0
    if notation.endswith("%"):
        if not bare.endswith("%"):
            return None
        bare, sign = bare[:-1].rstrip(), sign / 100
    if bare[:1] in ("-", "+"):
        sign, bare = sign * (-1.0 if bare[0] == "-" else 1.0), bare[1:].lstrip()
    bare = _AROUND.sub("", bare, count=1).strip()
    if bare[:1] == "-":  # $-5
        sign, bare = -sign, bare[1:]
    match = (_POINT if notation[0] == "." else _COMMA).fullmatch(bare)
    if match is None:
        return None
    digits = bare.replace(match.group(1) or " ", "")
    return sign * float(digits if notation[0] == "." else digits.replace(",", "."))


def notation_of(texts: Iterable[str]) -> str | None:
    """The first of NOTATIONS in which every text is a number, or says that there is none; None if there is no such.

    Which of "." and "," it is may depend on a single text: of "1,234" and "0,5" the second tells. Where none does,
    a comma before three digits parts thousands.
    """
    left = set(NOTATIONS)
    some = False
    for text in texts:
        if is_missing(text):
            continue
        some = True
        left = {notation for notation in left if numeral(text, notation) is not None}
        if not left:
            return None
    return next((notation for notation in NOTATIONS if notation in left), None) if some else None


def is_missing(text: str) -> bool:
    """Whether a text says that there is no number."""
    return text.strip().lower() in MISSING
