"""The sounds of sung syllables: formants of vowels, and how consonants are made.

Formants of the English vowels are the means of women in Peterson and Barney, "Control methods used in a
study of the vowels", JASA 24 (1952), table II. The Korean "eo" and "eu", which that study lacks, are set
between their neighbours, as are the loci of the consonants.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Formants = NDArray[np.float64]
"""Frequencies of `FORMANTS` resonances in Hz."""

FORMANTS: Final = 5
BANDWIDTHS_HZ: Final = np.array([90.0, 115.0, 165.0, 220.0, 280.0])
_UPPER: Final = (3950.0, 4900.0)

_VOWELS_HZ: Final[Mapping[str, tuple[float, float, float]]] = {
    "a": (850, 1220, 2810),
    "o": (590, 920, 2710),
    "u": (370, 950, 2670),
    "i": (310, 2790, 3310),
    "e": (610, 2330, 2990),
    "ae": (860, 2050, 2850),
    "uh": (760, 1400, 2780),
    "ih": (430, 2480, 3070),
    "er": (500, 1640, 1960),
    "eo": (660, 1120, 2750),
    "eu": (430, 1500, 2700),
}
_DIPHTHONGS: Final[Mapping[str, tuple[str, str]]] = {
    "ai": ("a", "ih"), "au": ("a", "u"), "ei": ("e", "i"), "ou": ("o", "u"), "ui": ("eu", "i"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Consonant:
    """How a consonant sounds. Lengths are seconds at any tempo.

    Attributes:
        seconds: its whole length, noise and voice.
        locus_hz: the first three formants it comes from or goes to.
        voiced: level of the voice in it, 0 to 1.
        noise: level of its own noise, and `noise_hz`, `noise_width_hz`, where that noise lies.
        closed_s: silence before it, the mouth being shut.
        breath: level of breath through the vowel's formants.
    """

    seconds: float
    locus_hz: tuple[float, float, float]
    voiced: float = 0.0
    noise: float = 0.0
    noise_hz: float = 4000.0
    noise_width_hz: float = 2000.0
    closed_s: float = 0.0
    breath: float = 0.0


def _stop(seconds: float, locus_hz: tuple[float, float, float], noise_hz: float, breath: float) -> Consonant:
    return Consonant(
        seconds=seconds, locus_hz=locus_hz, noise=0.5, noise_hz=noise_hz, noise_width_hz=noise_hz * 0.6,
        closed_s=0.035, breath=breath,
    )  # fmt: skip


def _hiss(seconds: float, noise: float, noise_hz: float, width_hz: float, voiced: float = 0.0) -> Consonant:
    return Consonant(
        seconds=seconds, locus_hz=(350, 1700, 2700), noise=noise, noise_hz=noise_hz, noise_width_hz=width_hz,
        voiced=voiced,
    )  # fmt: skip


def _hum(seconds: float, locus_hz: tuple[float, float, float], voiced: float) -> Consonant:
    return Consonant(seconds=seconds, locus_hz=locus_hz, voiced=voiced)


CONSONANTS: Final[Mapping[str, Consonant]] = {
    "m": _hum(0.065, (280, 1000, 2200), 0.4),
    "n": _hum(0.060, (280, 1500, 2500), 0.4),
    "ng": _hum(0.070, (280, 1900, 2600), 0.35),
    "l": _hum(0.050, (380, 1250, 2900), 0.6),
    "r": _hum(0.045, (400, 1350, 2000), 0.5),
    "w": _hum(0.055, (330, 720, 2400), 0.6),
    "y": _hum(0.055, (300, 2550, 3150), 0.6),
    "b": _stop(0.016, (300, 900, 2300), 1000, 0.05),
    "d": _stop(0.018, (300, 1850, 2800), 3800, 0.05),
    "g": _stop(0.024, (300, 2200, 2700), 2200, 0.08),
    "p": _stop(0.050, (350, 900, 2300), 1100, 0.35),
    "t": _stop(0.055, (350, 1850, 2800), 4500, 0.35),
    "k": _stop(0.060, (350, 2200, 2700), 2300, 0.40),
    "pp": _stop(0.014, (350, 900, 2300), 1100, 0.0),
    "tt": _stop(0.014, (350, 1850, 2800), 4500, 0.0),
    "kk": _stop(0.018, (350, 2200, 2700), 2400, 0.0),
    "s": _hiss(0.085, 0.5, 7500, 2600),
    "sh": _hiss(0.090, 0.6, 3900, 1700),
    "f": _hiss(0.070, 0.16, 6500, 4500),
    "th": _hiss(0.065, 0.14, 6000, 4000),
    "dh": _hiss(0.040, 0.05, 5500, 4000, 0.4),
    "v": _hiss(0.050, 0.07, 6000, 4500, 0.45),
    "z": _hiss(0.065, 0.25, 7000, 2600, 0.35),
    "j": replace(_hiss(0.045, 0.45, 4000, 1800), closed_s=0.03),
    "ch": replace(_hiss(0.075, 0.6, 4100, 1800), closed_s=0.04, breath=0.1),
    "h": Consonant(seconds=0.060, locus_hz=(600, 1500, 2700), breath=0.55),
}  # fmt: skip

_LETTERS: Final = sorted(CONSONANTS, key=len, reverse=True)
_SYLLABLE: Final = re.compile(
    f"((?:{'|'.join(_LETTERS)})*)"
    f"({'|'.join(sorted([*_DIPHTHONGS, *_VOWELS_HZ], key=len, reverse=True))})"
    f"((?:{'|'.join(_LETTERS)})*)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sounds:
    """A syllable taken apart: consonants, a vowel that may move from one to another, consonants."""

    head: tuple[Consonant, ...]
    vowel_from: Formants
    vowel_to: Formants
    tail: tuple[Consonant, ...]


def with_upper(low_hz: tuple[float, float, float]) -> Formants:
    """All formants, given the first three: the upper ones hardly move in speech."""
    return np.array([*low_hz, *_UPPER])


@cache
def sounds_of(text: str) -> Sounds:
    """Take a syllable such as "jwo" or "nait" apart. Raises ValueError if it cannot be sung."""
    found = _SYLLABLE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a syllable")
    head, vowel, tail = found.groups()
    start, end = _DIPHTHONGS.get(vowel, (vowel, vowel))
    return Sounds(
        head=_consonants(head),
        vowel_from=with_upper(_VOWELS_HZ[start]),
        vowel_to=with_upper(_VOWELS_HZ[end]),
        tail=_consonants(tail),
    )


def _consonants(letters: str) -> tuple[Consonant, ...]:
    return tuple(CONSONANTS[found] for found in re.findall("|".join(_LETTERS), letters))
