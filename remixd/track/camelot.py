"""Keys by name and by their place on the Camelot wheel, and which of them mix well.

The wheel is the circle of fifths: a step up is a fifth up, `B` is major, `A` its relative minor.
"""

from __future__ import annotations

import re
from typing import Final

from remixd.errors import InvalidInput

MAJOR_NAMES: Final = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR_NAMES: Final = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
"""How tonics are spelt, from C upwards: with the fewer accidentals in the key's signature."""

_LETTERS: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAME: Final = re.compile(r"([A-Ga-g])([#♯b♭]?) *(major|maj|minor|min|m|)", re.ASCII)
_CODE: Final = re.compile(r"0?([1-9]|1[0-2])([ABab])")
_MAJORS_ON_WHEEL: Final = 8  # C major is 8B


def key_name(tonic: int, *, minor: bool) -> str:
    """The name that `Analysis.key` uses, such as "A minor"; `tonic` is a pitch class, 0 = C."""
    return f"{(MINOR_NAMES if minor else MAJOR_NAMES)[tonic % 12]} {'minor' if minor else 'major'}"


def parse_key(text: str) -> tuple[int, bool]:
    """Read a key: "A minor", "Am", "F# major", "Gb" or a Camelot code such as "8A".

    Returns:
        The pitch class of the tonic, 0 to 11, and whether it is minor.

    Raises InvalidInput for anything else.
    """
    text = text.strip()
    if found := _CODE.fullmatch(text):
        minor = found[2] in "Aa"
        fifths = int(found[1]) - _MAJORS_ON_WHEEL
        return (7 * fifths + (9 if minor else 0)) % 12, minor
    if found := _NAME.fullmatch(text):
        accidental = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}[found[2]]
        return (_LETTERS[found[1].upper()] + accidental) % 12, found[3] in ("minor", "min", "m")
    raise InvalidInput(f"{text[:40]!r} is not a key such as A minor, F# major or 8A")


def camelot(key: str) -> str:
    """The Camelot code of a key, "1A" to "12B". Raises InvalidInput for what is no key."""
    tonic, minor = parse_key(key)
    fifths = 7 * (tonic + (3 if minor else 0)) % 12
    return f"{(fifths + _MAJORS_ON_WHEEL - 1) % 12 + 1}{'A' if minor else 'B'}"


def key_of(code: str) -> str:
    """The key of a Camelot code. Raises InvalidInput for what is no code or key."""
    tonic, minor = parse_key(code)
    return key_name(tonic, minor=minor)


def compatible(key: str) -> tuple[str, ...]:
    """The keys that mix with a key: itself, a fifth up, a fifth down, and its relative, as names.

    Raises InvalidInput for what is no key.
    """
    tonic, minor = parse_key(key)
    relative = key_name(tonic + (3 if minor else 9), minor=not minor)
    same_mode = [key_name(tonic + up, minor=minor) for up in (0, 7, 5)]
    return (*same_mode, relative)


def transposed(key: str, semitones: int) -> str:
    """A key moved by whole semitones. Raises InvalidInput for what is no key."""
    tonic, minor = parse_key(key)
    return key_name(tonic + semitones, minor=minor)
