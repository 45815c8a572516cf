"""Where the sections of a song begin by its score: where parts come in or fall silent for bars.

Nobody wrote down the form of the songs that the benches judge by, but their scores tell which parts play in
which bar. A boundary is a bar at which a part begins to play after at least two bars of rest, or rests for at
least two bars after it played as long. A tracker's patterns are boundaries as they stand.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

BARS_LEAST: Final = 2
NEAR_S: Final = 0.5
"""MIREX's narrow window (Turnbull et al., "A supervised approach for detecting boundaries", ISMIR 2007)."""
_TICKS_A_BAR: Final = 192  # of LMMS, in 4/4

KEY_WEIGHTS: Final = {"same": 1.0, "fifth": 0.5, "relative": 0.3, "parallel": 0.2}
"""MIREX's, for audio key detection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundaries:
    """How boundaries compare with true ones, those at the very start left out: shares, 0 to 1."""

    precision: float
    recall: float
    found: int


def score_boundaries(found_s: Iterable[float], true_s: Sequence[float], near_s: float = NEAR_S) -> Boundaries:
    """Compare boundaries; each true one counts once."""
    found = [time for time in found_s if time > near_s]
    left = [time for time in true_s if time > near_s]
    true_count, hits = len(left), 0
    for time in found:
        nearest = min(left, key=lambda true: abs(true - time), default=None)
        if nearest is not None and abs(nearest - time) <= near_s:
            left.remove(nearest)
            hits += 1
    return Boundaries(
        precision=hits / len(found) if found else 1.0,
        recall=hits / true_count if true_count else 1.0,
        found=len(found),
    )


def score_key(found: str | None, true: str) -> float:
    """MIREX's weighted score of a key, both such as "C minor"."""
    if found is None:
        return 0.0
    (tonic, mode), (true_tonic, true_mode) = _key(found), _key(true)
    up = (tonic - true_tonic) % 12
    if mode == true_mode:
        return KEY_WEIGHTS["same"] if up == 0 else KEY_WEIGHTS["fifth"] if up in (5, 7) else 0.0
    if up == 0:
        return KEY_WEIGHTS["parallel"]
    relative = 9 if true_mode == "major" else 3
    return KEY_WEIGHTS["relative"] if up == relative else 0.0


def _key(name: str) -> tuple[int, str]:
    letter, _, mode = name.partition(" ")
    pitch = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[letter[0]]
    return pitch + letter.count("#") - letter[1:].count("b"), mode


def arranged(parts: Iterable[NDArray[np.bool_]]) -> list[int]:
    """The bars at which a part comes in or falls silent, of which bars each plays."""
    found = set()
    for plays in parts:
        edges = np.flatnonzero(np.diff(plays.astype(np.int8))) + 1
        runs = np.diff([0, *edges, plays.shape[0]])
        for index, bar in enumerate(edges.tolist()):
            if runs[index] >= BARS_LEAST and runs[index + 1] >= BARS_LEAST:
                found.add(bar)
    return sorted(found)


def read_lmms_parts(path: Path, bars: int) -> list[NDArray[np.bool_]]:
    """In which bars each track of an LMMS project has something placed in the song editor."""
    raw = path.read_bytes()
    text = zlib.decompress(raw[4:]) if path.suffix == ".mmpz" else raw
    song = ElementTree.fromstring(text).find("song/trackcontainer")  # noqa: S314 (a file of our own data)
    parts = []
    for track in song if song is not None else ():
        placed = [*track.findall("pattern"), *track.findall("bbtco"), *track.findall("sampletco")]
        plays = np.zeros(bars, bool)
        for block in placed:
            if _sounds(block):
                start, length = int(block.get("pos", "0")), int(block.get("len", "0"))
                plays[start // _TICKS_A_BAR : -(-(start + max(length, 1)) // _TICKS_A_BAR)] = True
        if plays.any():
            parts.append(plays)
    return parts


def _sounds(block: Any) -> bool:
    muted = block.get("muted") == "1"
    return not muted and (
        block.tag != "pattern" or block.find("note") is not None or block.get("type") == "0"
    )
