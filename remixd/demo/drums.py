"""The strokes of the demo song. They last as long as they do and are never transposed, whatever the tempo.

A stroke's sound depends on its note's seed and velocity alone, so the same stroke is the same samples in
every rendering at one rate; only its place moves.
"""

from __future__ import annotations

import math

import numpy as np

from remixd.demo.notes import Note
from remixd.synth.drums import stroke
from remixd.synth.sound import Audio, single


def strike(note: Note, rate_hz: int) -> Audio:
    """Render one stroke: float32 (frames, 2), panned."""
    angle = 0.25 * np.pi * (1.0 + note.pan)
    sides = math.sqrt(2.0) * np.array([math.cos(angle), math.sin(angle)])
    return single(note.velocity * stroke(note.voice, note.seed, rate_hz) * sides)
