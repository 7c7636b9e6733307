"""Why nothing can be derived within the bounds of a grammar, and what would be enough."""

from __future__ import annotations

from nasmyth.errors import SpaceError
from nasmyth.space.language import Language

_DEEPER = 12  # levels more than allowed that are tried, to say what would be enough


def nothing_fits(language: Language) -> SpaceError:
    """The bound that is too small by itself, with the least that is enough; or that all are too small together."""
    for depth in range(language.depth + 1, language.depth + _DEEPER):
        if language.slack(language.derivations, depth).costs:
            return SpaceError(
                f"grammar(depth={language.depth}): too small for any derivation; the least is depth={depth}"
            )
    for thing, most in language.most.items():
        others = {other: bound for other, bound in language.most.items() if other != thing}
        if language.slack(language.derived(others), language.depth).costs:
            return SpaceError(
                f"grammar({thing}={most}): too small for any derivation"
                f"; the least is {thing}={_least(language, thing, others)}"
            )
    if language.slack(language.derived({}), language.depth).costs:
        return SpaceError("grammar(): no derivation meets all bounds together; raise one of them")
    flows = f" that takes {language.shape}" + (f" and gives {language.output}" if language.output else "")
    return SpaceError(
        f"grammar(): {language.start!r} has no derivation{flows} with depth={language.depth}; "
        "give it an alternative whose shapes fit"
    )


def _least(language: Language, thing: str, others: dict[str, int]) -> int:
    """The least that a derivation within the other bounds can cost."""
    derive = language.derived({thing: 2**62, **others})
    outs = language.slack(derive, language.depth).costs
    table = derive.least(language.start, language.shape, language.depth)
    return min(derive.unpack(cost)[0] for out in outs for cost in table[out])
