"""Rhythms: strokes spread evenly over a bar, and how a phrase of bars varies and ends. Pure.

Even spreading is Bjorklund's algorithm, as Toussaint found it in music ("The Euclidean algorithm generates
traditional musical rhythms", BRIDGES 2005): E(3,8) is the tresillo, E(5,16) the bossa nova.
"""

from __future__ import annotations

from typing import Final, Literal

from remixd.synth.chance import one

Bar = Literal["a", "b", "fill"]
"""A bar as the phrase states it, one that varies it, one that leads into the next phrase."""

PHRASES: Final[tuple[tuple[Bar, ...], ...]] = (
    ("a", "a", "a", "fill"),
    ("a", "b", "a", "fill"),
    ("a", "a", "b", "fill"),
    ("a", "b", "a", "b"),
)
"""What a phrase of four bars may be rewritten as; a shorter or longer one repeats its first bars."""

FILLS: Final = ("roll", "toms", "rest")
"""What a fill may be: a snare roll, toms that fall, or nothing but the way there."""


def euclid(strokes: int, steps: int, rotation: int = 0) -> tuple[bool, ...]:
    """So many strokes on so many steps, as evenly as can be; the first on step 0, then rotated to the left.

    Raises ValueError unless 0 <= strokes <= steps and there is a step.
    """
    if not 0 <= strokes <= steps or steps < 1:
        raise ValueError(f"{strokes} strokes do not fit {steps} steps")
    heads = [[True] for _ in range(strokes)]
    tails = [[False] for _ in range(steps - strokes)]
    while len(tails) > 1 and heads:
        pairs = min(len(heads), len(tails))
        joined = [heads[i] + tails[i] for i in range(pairs)]
        tails = heads[pairs:] or tails[pairs:]
        heads = joined
    line = [step for group in heads + tails for step in group]
    rotation %= steps
    return tuple(line[rotation:] + line[:rotation])


def pick(seed: int, name: str, count: int) -> int:
    """One of `count` choices, 0 to count - 1, that belongs to a seed and a name."""
    return min(int((one(seed, name) + 1.0) / 2.0 * count), count - 1)


def bar_kind(seed: int, place: int, length: int) -> Bar:
    """What a bar of a phrase is.

    Args:
        seed: of the phrase.
        place: of the bar in it, from 0.
        length: of the phrase, in bars.
    """
    phrase = PHRASES[pick(seed, "phrase", len(PHRASES))]
    if place == length - 1 and length > 1:
        return phrase[-1]
    return phrase[place % (len(phrase) - 1)]
