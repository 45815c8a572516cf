"""Racks switched and morphed at random moments, and what stands out of the sounds that were joined."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from decks import OTHER
from racks import QUANTUM, Call, Planar, weigh
from sounds import Audio, roughness

from remixd._kernel.rack import Rack
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.engine.rack import build

LO_FI: list[dict[str, Any]] = [
    {"effect": "lowpass", "cutoff_frequency_hz": 3000}, {"effect": "bitcrush", "bit_depth": 9},
    {"effect": "chorus", "rate_hz": 0.6},
]  # fmt: skip
CHAINS: list[list[dict[str, Any]]] = [
    [{"effect": "reverb", "room_size": 0.8, "wet_level": 0.4}],
    LO_FI,
    [
        {"effect": "highpass", "cutoff_frequency_hz": 400},
        {"effect": "compressor", "threshold_db": -24, "ratio": 6},
    ],
    [{"effect": "delay", "beats": 0.75}, {"effect": "tremolo", "beats": 0.5, "depth": 0.7}],
    [{"effect": "distortion", "drive_db": 9}, {"effect": "gain", "gain_db": -6}],
]  # fmt: skip
PLACES: tuple[dict[str, int], ...] = ({}, {"deck": 0}, {"deck": 0, "part": OTHER})
NEAR = 240
"""5 ms."""
TOO_ROUGH = 1.5


class Wet:
    """What a rack gives from a sample on: the sound of it alone."""

    def __init__(self, chain: Call, start: int) -> None:
        self._chain = chain
        self._start = start // QUANTUM * QUANTUM
        self._blocks: list[Planar] = []

    def __call__(self, block: Planar, beat: float, rate: float) -> Planar:
        out = self._chain(block, beat, rate)
        self._blocks.append(out.T.copy())
        return out

    def near(self, at: int) -> float:
        """How rough it is around a sample."""
        sound = np.concatenate(self._blocks)
        part = sound[max(at - NEAR - self._start, 0) : max(at + NEAR + QUANTUM - self._start, 0)]
        return float(roughness(part).max()) if len(part) > 2 else 0.0


def switch(pcm: Audio, times: int, seed: int, gap: int) -> list[str]:
    """Swap and morph racks at one place, at random moments.

    Returns where the second difference within 5 ms of the begin or end of one is above 1.5 times that of the
    roughest of the sounds that it joined, each by itself.
    """
    rng = np.random.default_rng(seed)
    place = PLACES[int(rng.integers(len(PLACES)))]
    session = Session([Stem.of(pcm)], [OTHER], loop=False)
    wet: dict[int, Wet] = {}
    on: set[int] = set()
    keys, rendered = itertools.count(1), []
    joined: list[tuple[int, set[int]]] = []
    for number in range(times):
        at = 2000 + number * gap + int(rng.integers(gap // 2))
        rendered.append(session.render(at - session.clock))
        session.racks.collect()
        before, ramp = set(on), int(rng.choice([240, 960, 960, 2000]))
        if on and rng.random() < 0.4:  # a morph
            weights = dict(zip(on, rng.dirichlet(np.ones(len(on) + 1)), strict=False))
        else:  # a swap, now and then to the dry sound
            weights = dict.fromkeys(on, 0.0)
            on = {next(keys)} if rng.random() < 0.8 else set()
            for key in on:
                wet[key] = Wet(build(CHAINS[int(rng.integers(len(CHAINS)))]).chain, at)
                session.racks.put(Rack(wet[key], key))
                weights[key] = 1.0
        for key, weight in weights.items():
            weigh(session, key, weight, ramp_frames=ramp, **place)
        joined += [(when, before | on) for when in (at, at + ramp)]
    rendered.append(session.render(len(pcm) - session.clock))
    heard = roughness(np.concatenate(rendered))
    bad = []
    for at, racks in joined:
        near = slice(max(at - NEAR, 0), at + NEAR + QUANTUM)
        bound = max(float(roughness(pcm[near]).max()), *(wet[key].near(at) for key in racks), 0.0)
        if heard[near].max() > TOO_ROUGH * bound:
            bad.append(f"{heard[near].max() / bound:.2f} times at {at}, of {sorted(racks)}")
    return bad
